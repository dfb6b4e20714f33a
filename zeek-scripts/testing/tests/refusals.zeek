# What must never be blocked is refused in Zeek, too, whatever is asked.
#
# @TEST-EXEC: zeek $PACKAGE/nslabs-verdict %INPUT >output
# @TEST-EXEC: btest-diff output

redef NSLabs::listen = F;
redef NSLabs::never_block += {
	192.168.1.1/32,
	[2001:db8::53]/128
};

event zeek_init()
	{
	local asked = vector(192.168.1.1/32, 192.168.1.0/24, 192.168.1.2/32, 0.0.0.0/0,
	    10.0.0.0/8, 127.0.0.1/32, 224.0.0.251/32, 255.255.255.255/32,
	    203.0.113.0/24, [fe80::1]/128, [ff02::fb]/128, [2001:db8::]/64,
	    [2001:db8:1::]/64, [2000::]/3);
	for ( i in asked )
		print asked[i], NSLabs::refusal(asked[i]);
	}
