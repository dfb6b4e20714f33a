##! Tells what devices call themselves, and what they say they are, in nslabs_names.log: a line when that is news.
##!
##! DHCP tells a fingerprint (the options that a client asks for) and a vendor class; multicast DNS tells names and
##! services; SSDP tells the kind and the software of a device. All of it is what the device claims.

@load base/protocols/dhcp
@load base/protocols/dns

module DeviceNames;

export {
	redef enum Log::ID += { LOG };

	## How long the same claim is not told again.
	const quiet = 1day &redef;

	## The longest claim that is written; the rest is cut.
	option longest = 256;

	## A hook for filters of the site's own.
	global log_policy: Log::PolicyHook;

	## One claim of one device.
	type Info: record {
		ts: time &log;
		uid: string &log &optional;
		## Its address, and its MAC where the protocol tells it.
		host: addr &log;
		mac: string &log &optional;
		## Where the claim was made: dhcp, mdns or ssdp.
		source: string &log;
		## What is claimed: name, vendor, fingerprint, service, kind or software.
		claim: string &log;
		value: string &log;
	};
}

global told: set[addr, string, string] &create_expire=quiet;

redef udp_content_delivery_ports_orig += {[1900/udp] = T};

function tell(c: connection, host: addr, mac: string, source: string,
    claim: string, value: string)
	{
	local text = |value| > longest ? value[0:longest] : value;
	if ( text == "" || [host, claim, text] in told )
		return;
	add told[host, claim, text];
	local rec = Info($ts=network_time(), $uid=c$uid, $host=host, $source=source,
	    $claim=claim, $value=text);
	if ( mac != "" )
		rec$mac = mac;
	Log::write(DeviceNames::LOG, rec);
	}

event zeek_init()
	{
	Log::create_stream(DeviceNames::LOG, Log::Stream($columns=Info,
	    $path="nslabs_names", $policy=log_policy));
	}

event dhcp_message(c: connection, is_orig: bool, msg: DHCP::Msg,
    options: DHCP::Options)
	{
	# 1 is BOOTREQUEST: what the client says.
	if ( msg$op != 1 )
		return;
	local host = options?$addr_request ? options$addr_request : msg$ciaddr;
	if ( options?$host_name )
		tell(c, host, msg$chaddr, "dhcp", "name", options$host_name);
	if ( options?$vendor_class )
		tell(c, host, msg$chaddr, "dhcp", "vendor", options$vendor_class);
	if ( options?$param_list )
		{
		local wanted: vector of string = vector();
		for ( i in options$param_list )
			wanted += cat(options$param_list[i]);
		tell(c, host, msg$chaddr, "dhcp", "fingerprint", join_string_vec(wanted,
		    ","));
		}
	}

event dns_PTR_reply(c: connection, msg: dns_msg, ans: dns_answer, name: string)
	{
	# A service of somebody's: "Kitchen._googlecast._tcp.local" under "_googlecast._tcp.local".
	if ( c$id$resp_p != 5353/udp
	    || ! ends_with(ans$query, ".local")
	    || ans$query[0:1] != "_" )
		return;
	tell(c, c$id$orig_h, "", "mdns", "service", ans$query);
	if ( ends_with(name, ans$query) && |name| > |ans$query| + 1 )
		tell(c, c$id$orig_h, "", "mdns", "name", name[0 : |name| - |ans$query| - 1]);
	}

event udp_contents(u: connection, is_orig: bool, contents: string)
	{
	if ( u$id$resp_p != 1900/udp || ! starts_with(contents, "NOTIFY ") )
		return;
	local lines = split_string(contents, /\r?\n/);
	for ( i in lines )
		{
		local parts = split_string1(lines[i], /:[ \t]*/);
		if ( |parts| != 2 )
			next;
		local header = to_upper(parts[0]);
		if ( header == "NT" && "urn:" in parts[1] )
			tell(u, u$id$orig_h, "", "ssdp", "kind", parts[1]);
		else if ( header == "SERVER" )
			tell(u, u$id$orig_h, "", "ssdp", "software", parts[1]);
		}
	}
