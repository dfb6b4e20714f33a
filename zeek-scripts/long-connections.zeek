##! Tells of connections that are still open, every so often, in conn_long.log: with the fields of conn.log so far.
##!
##! An IoT device's command channel stays open for days, and conn.log has it when it ends: who waits for that is blind.
##! The line that conn.log gets at the end has the same ``uid``.

@load base/protocols/conn
@load base/protocols/conn/polling

module LongConnections;

export {
	redef enum Log::ID += { LOG };

	## After which ages a connection is told of; the last one is repeated for as long as it is open.
	option ages: vector of interval = vector(5mins, 15mins, 1hr);

	## A hook for filters of the site's own.
	global log_policy: Log::PolicyHook;

	## A connection as it stands; the names are those of conn.log.
	type Info: record {
		ts: time &log;
		uid: string &log;
		id: conn_id &log;
		proto: transport_proto &log;
		service: string &log &optional;
		duration: interval &log;
		orig_bytes: count &log;
		resp_bytes: count &log;
		history: string &log &optional;
		orig_pkts: count &log &optional;
		orig_ip_bytes: count &log &optional;
		resp_pkts: count &log &optional;
		resp_ip_bytes: count &log &optional;
		orig_l2_addr: string &log &optional;
		resp_l2_addr: string &log &optional;
	};
}

function so_far(c: connection): Info
	{
	local rec = Info($ts=c$start_time, $uid=c$uid, $id=c$id,
	    $proto=get_port_transport_proto(c$id$resp_p), $duration=c$duration,
	    $orig_bytes=c$orig$size, $resp_bytes=c$resp$size);
	if ( |c$service| > 0 )
		rec$service = to_lower(join_string_set(c$service, ","));
	if ( c$history != "" )
		rec$history = c$history;
	if ( c$orig?$num_pkts )
		{
		rec$orig_pkts = c$orig$num_pkts;
		rec$orig_ip_bytes = c$orig$num_bytes_ip;
		rec$resp_pkts = c$resp$num_pkts;
		rec$resp_ip_bytes = c$resp$num_bytes_ip;
		}
	if ( c$orig?$l2_addr )
		rec$orig_l2_addr = c$orig$l2_addr;
	if ( c$resp?$l2_addr )
		rec$resp_l2_addr = c$resp$l2_addr;
	return rec;
	}

## Polling calls it with 1 at the first age, 2 at the second, and again after what it returns.
function tell(c: connection, cnt: count): interval
	{
	Log::write(LongConnections::LOG, so_far(c));
	return cnt < |ages| ? ages[cnt] - ages[cnt - 1] : ages[|ages| - 1];
	}

event zeek_init()
	{
	Log::create_stream(LongConnections::LOG, Log::Stream($columns=Info,
	    $path="conn_long", $policy=log_policy));
	}

event new_connection(c: connection)
	{
	if ( |ages| > 0 )
		ConnPolling::watch(c, tell, 1, ages[0]);
	}
