# A block becomes a rule of NetControl, a notice and a line of nslabs.log; it gets a new end, and ends.
#
# @TEST-EXEC: zeek $PACKAGE/nslabs-verdict %INPUT >debug
# @TEST-EXEC: zeek-cut verb decision device peer done reason <nslabs.log >>output
# @TEST-EXEC: zeek-cut note msg src <notice.log >>output
# @TEST-EXEC: btest-diff output

redef exit_only_after_terminate = T;
redef NSLabs::listen = F;
redef NSLabs::never_block += {192.168.1.1/32};

# The plugin for tries prints what it is asked.
global ours = open("output");

event NetControl::init()
	{
	NetControl::activate(NetControl::create_debug(T), 0);
	}

function ask(decision: string, device: subnet, peer: subnet, ttl: interval)
	{
	event NSLabs::block("1", decision, device, peer, ttl, "a-1", "scan",
	    "it scans", 0.9);
	}

event quit()
	{
	print ours, "left", |NSLabs::standing_blocks|;
	terminate();
	}

event unblock()
	{
	print ours, "standing", |NSLabs::standing_blocks|;
	event NSLabs::unblock("2", 192.168.1.5/32, 203.0.113.9/32, "revoked");
	schedule 2secs { quit() };
	}

event again()
	{
	ask("d-1", 192.168.1.5/32, 203.0.113.9/32, 2hrs);
	schedule 500msecs { unblock() };
	}

event NetControl::init_done()
	{
	ask("d-1", 192.168.1.5/32, 203.0.113.9/32, 1hr);
	ask("d-2", [::]/0, 203.0.113.0/24, 1sec);
	ask("d-3", 192.168.1.1/32, [::]/0, 1hr);
	ask("d-4", [::]/0, [::]/0, 1hr);
	schedule 300msecs { again() };
	}
