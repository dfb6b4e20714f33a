##! The way back: what nslabs decides is blocked by Zeek's NetControl, told as a notice, and written to nslabs.log.
##!
##! Zeek listens for nslabs on a WebSocket of this host; there is no password on it, so that it must stay on loopback.
##! NetControl needs a plugin that reaches a switch or firewall: without one, rules are written to netcontrol.log and
##! block nothing. What must never be blocked is refused here once more, whatever nslabs asks for.

@load base/frameworks/cluster
@load base/frameworks/logging
@load base/frameworks/netcontrol
@load base/frameworks/notice
@load base/misc/version

# Up to 8.0 Broker answers by itself; from 8.1 on a backend has to be loaded, or nobody answers. In a cluster that
# zeekctl runs, the backend is loaded already, and its manager listens.
@if ( Version::number >= 80100 && ! Cluster::is_enabled() )
@load policy/frameworks/cluster/backend/broker
@endif

module NSLabs;

export {
	## The log of what nslabs asked for, and what became of it.
	redef enum Log::ID += { LOG };

	redef enum Notice::Type += {
		## A device stopped being itself, and nslabs had something blocked for it.
		Anomaly,
		## Nothing was heard from nslabs for a while: what it decides does not reach Zeek.
		Silent,
	};

	## Whether Zeek listens for nslabs. In a cluster the manager does, and this is ignored.
	option listen = T;

	## The address to listen on. Whoever reaches it can have addresses blocked.
	const listen_address = 127.0.0.1 &redef;

	## The port to listen on.
	const listen_port = 27759/tcp &redef;

	## What must never be blocked, beside what nobody can want to block: gateways, servers, critical devices.
	option never_block: set[subnet] = {};

	## The longest that anything is blocked, whatever nslabs asks for.
	option longest_block = 7days;

	## The most rules at a time; what comes then is refused.
	option most_rules = 1000;

	## The shortest prefixes that may be blocked.
	option widest_v4 = 16;
	option widest_v6 = 32;

	## How often nslabs is told that Zeek is there, and after which silence of its Zeek says so.
	option heartbeat_interval = 30secs;
	option silence = 5mins;

	## One line of nslabs.log.
	type Info: record {
		## When it was asked.
		ts: time &log;
		## What was asked: block, unblock or note.
		verb: string &log;
		## The decision or alert of nslabs.
		decision: string &log &optional;
		## The device, and the peer, that it is about; one of both may be missing.
		device: subnet &log &optional;
		peer: subnet &log &optional;
		## For how long.
		expires: interval &log &optional;
		## Whether it was done, and why not.
		done: bool &log;
		reason: string &log &optional;
		## The alert: its identifier, behaviour, sentence and how sure it is.
		alert: string &log &optional;
		behaviour: string &log &optional;
		sentence: string &log &optional;
		confidence: double &log &optional;
	};

	## A hook for filters of the site's own.
	global log_policy: Log::PolicyHook;

	## Called with each line before it is written.
	global log_nslabs: event(rec: Info);

	## Asks for a block. A subnet of ``::/0`` stands for none: without a peer the device is blocked, without a
	## device the peer, else what both exchange. A block that stands gets the new end.
	global block: event(request: string, decision: string, device: subnet,
	    peer: subnet, ttl: interval, alert: string, behaviour: string,
	    sentence: string, confidence: double) &is_used;

	## Asks for the end of a block.
	global unblock: event(request: string, device: subnet, peer: subnet,
	    reason: string) &is_used;

	## Tells of an alert, without a block.
	global note: event(request: string, alert: string, device: addr,
	    behaviour: string, sentence: string, score: double, uids: vector of
	    string) &is_used;

	## Asks for the blocks that stand.
	global list_blocks: event(request: string) &is_used;

	## nslabs is there.
	global hello: event(request: string, version: string) &is_used;

	## Answers ``block``, ``unblock``, ``note`` and ``hello``.
	global done: event(request: string, ok: bool, reason: string);

	## Answers ``list_blocks``: devices, peers, and how long each block still lasts.
	global standing: event(request: string, devices: vector of subnet,
	    peers: vector of subnet, left: vector of interval);

	## Zeek is there: its version, and how many blocks stand.
	global heartbeat: event(version: string, rules: count);

	## Returns why something must not be blocked, or an empty string.
	global refusal: function(what: subnet): string;

	## Runs for each block that is asked for; ``break`` refuses it.
	global block_policy: hook(device: subnet, peer: subnet, decision: string);
}

const requests = "zeek.nslabs.request";
const replies = "zeek.nslabs.reply";
const none = [::]/0;

## What nobody can want to block: this network, loopback, link-local, multicast, reserved, broadcast.
const nobody: set[subnet] = {
	0.0.0.0/8,
	127.0.0.0/8,
	169.254.0.0/16,
	224.0.0.0/4,
	240.0.0.0/4,
	[::]/127,
	[fe80::]/10,
	[ff00::]/8,
};

## A block that stands. NetControl's rules cannot be given another end: they are removed first, and added again once
## NetControl says that they are gone.
type Standing: record {
	device: subnet;
	peer: subnet;
	decision: string;
	ends: time;
	## NetControl's names of the rules; what two exchange takes two.
	ids: set[string];
	## The rules are being replaced.
	replacing: bool &default=F;
};

global standing_blocks: table[string] of Standing;
global block_of_rule: table[string] of string;
global last_heard: time = double_to_time(0.0);
global told_silence = F;

function overlaps(one: subnet, other: subnet): bool
	{
	if ( is_v4_subnet(one) != is_v4_subnet(other) )
		return F;
	return subnet_to_addr(one) in other || subnet_to_addr(other) in one;
	}

function refusal(what: subnet): string
	{
	local width = subnet_width(what);
	if ( is_v4_subnet(what) && width < widest_v4 )
		return fmt("%s is wider than /%d", what, widest_v4);
	if ( is_v6_subnet(what) && width < widest_v6 )
		return fmt("%s is wider than /%d", what, widest_v6);
	for ( never in nobody )
		if ( overlaps(what, never) )
			return fmt("%s is protected: %s", what, never);
	for ( never in never_block )
		if ( overlaps(what, never) )
			return fmt("%s is protected: %s", what, never);
	return "";
	}

function answer(request: string, ok: bool, reason: string)
	{
	Cluster::publish(replies, NSLabs::done, request, ok, reason);
	}

function key_of(device: subnet, peer: subnet): string
	{
	return fmt("%s %s", device, peer);
	}

function is_single(what: subnet): bool
	{
	return subnet_width(what) == ( is_v4_subnet(what) ? 32 : 128 );
	}

function forget(key: string)
	{
	if ( key !in standing_blocks )
		return;
	for ( id in standing_blocks[key]$ids )
		delete block_of_rule[id];
	delete standing_blocks[key];
	}

function forget_ended()
	{
	local ended: set[string] = set();
	for ( key, block_ in standing_blocks )
		if ( block_$ends <= network_time() )
			add ended[key];
	for ( key in ended )
		forget(key);
	}

function drop_flow(src: subnet, dst: subnet, ttl: interval, location: string)
    : string
	{
	local entity = NetControl::Entity($ty=NetControl::FLOW, $flow=NetControl::Flow(
	    $src_h=src, $dst_h=dst));
	return NetControl::add_rule(NetControl::Rule($ty=NetControl::DROP,
	    $target=NetControl::FORWARD, $entity=entity, $expire=ttl,
	    $location=location));
	}

function drop_subnet(what: subnet, ttl: interval, location: string): string
	{
	if ( is_single(what) )
		return NetControl::drop_address(subnet_to_addr(what), ttl, location);
	local entity = NetControl::Entity($ty=NetControl::ADDRESS, $ip=what);
	return NetControl::add_rule(NetControl::Rule($ty=NetControl::DROP,
	    $target=NetControl::FORWARD, $entity=entity, $expire=ttl,
	    $location=location));
	}

## Adds the rules of a block; returns whether NetControl took them all.
function add_rules(block_: Standing): bool
	{
	local ttl = block_$ends - network_time();
	local location = fmt("nslabs %s", block_$decision);
	local ids: vector of string = vector();
	if ( ttl <= 0secs )
		return F;
	if ( block_$device != none && block_$peer != none )
		{
		ids += drop_flow(block_$device, block_$peer, ttl, location);
		ids += drop_flow(block_$peer, block_$device, ttl, location);
		}
	else
		ids += drop_subnet(block_$device == none ? block_$peer : block_$device, ttl,
		    location);
	local taken = T;
	for ( i in ids )
		{
		if ( ids[i] == "" )
			taken = F;
		else
			{
			add block_$ids[ids[i]];
			block_of_rule[ids[i]] = key_of(block_$device, block_$peer);
			}
		}
	return taken;
	}

function remove_rules(block_: Standing, reason: string)
	{
	local ids: set[string] = copy(block_$ids);
	for ( id in ids )
		NetControl::remove_rule(id, reason);
	}

## Begins a block, or gives one that stands its new end; returns why not, or an empty string.
function hold_block(device: subnet, peer: subnet, decision: string,
    ttl: interval): string
	{
	local key = key_of(device, peer);
	local ends = network_time() + ttl;
	if ( key in standing_blocks )
		{
		local before = standing_blocks[key];
		before$decision = decision;
		before$ends = ends;
		before$replacing = T;
		remove_rules(before, "replaced");
		return "";
		}
	local new_block = Standing($device=device, $peer=peer, $decision=decision,
	    $ends=ends, $ids=set());
	standing_blocks[key] = new_block;
	if ( add_rules(new_block) )
		return "";
	remove_rules(new_block, "incomplete");
	forget(key);
	return "NetControl did not take it: no plugin of it is active, or the same rule is there";
	}

event NetControl::rule_destroyed(r: NetControl::Rule)
	{
	if ( r$id !in block_of_rule )
		return;
	local key = block_of_rule[r$id];
	delete block_of_rule[r$id];
	if ( key !in standing_blocks )
		return;
	local block_ = standing_blocks[key];
	delete block_$ids[r$id];
	if ( |block_$ids| > 0 )
		return;
	if ( ! block_$replacing )
		{
		forget(key);
		return;
		}
	block_$replacing = F;
	if ( ! add_rules(block_) )
		{
		remove_rules(block_, "incomplete");
		forget(key);
		}
	}

# A rule can be revoked or replaced before its plugin has confirmed it: NetControl forgets such a removal.
event NetControl::rule_added(r: NetControl::Rule, p: NetControl::PluginState,
    msg: string)
	{
	if ( ! r?$location || ! starts_with(r$location, "nslabs ") )
		return;
	local is_wanted = r$id in block_of_rule;
	if ( is_wanted && block_of_rule[r$id] in standing_blocks )
		is_wanted = ! standing_blocks[block_of_rule[r$id]]$replacing;
	if ( ! is_wanted )
		NetControl::remove_rule(r$id, "revoked meanwhile");
	}

function why_not(device: subnet, peer: subnet, ttl: interval, decision: string)
    : string
	{
	if ( device == none && peer == none )
		return "neither a device nor a peer was named";
	local why = device == none ? "" : refusal(device);
	if ( why == "" && peer != none )
		why = refusal(peer);
	if ( why != "" )
		return why;
	if ( ttl <= 0secs )
		return "it would end before it begins";
	if ( |standing_blocks| >= most_rules
	    && key_of(device, peer) !in standing_blocks )
		return fmt("%d rules stand, which is the limit", most_rules);
	if ( ! hook NSLabs::block_policy(device, peer, decision) )
		return "a policy of this Zeek refuses it";
	return "";
	}

event NSLabs::block(request: string, decision: string, device: subnet,
    peer: subnet, ttl: interval, alert: string, behaviour: string,
    sentence: string, confidence: double)
	{
	last_heard = current_time();
	forget_ended();
	local lasting = ttl > longest_block ? longest_block : ttl;
	local why = why_not(device, peer, ttl, decision);
	local is_new = key_of(device, peer) !in standing_blocks;
	if ( why == "" )
		why = hold_block(device, peer, decision, lasting);
	local rec = Info($ts=network_time(), $verb="block", $decision=decision,
	    $expires=lasting, $done=why == "", $alert=alert,
	    $behaviour=behaviour, $sentence=sentence, $confidence=confidence);
	if ( device != none )
		rec$device = device;
	if ( peer != none )
		rec$peer = peer;
	if ( why != "" )
		rec$reason = why;
	else if ( is_new )
		NOTICE(Notice::Info($note=NSLabs::Anomaly, $msg=sentence == "" ? fmt(
		    "nslabs %s", decision) : sentence, $sub=fmt(
		    "%s %s, confidence %.2f, %s", behaviour, alert, confidence,
		    decision), $src=subnet_to_addr(device == none ? peer :
		    device), $identifier=decision, $suppress_for=lasting));
	Log::write(NSLabs::LOG, rec);
	answer(request, why == "", why);
	}

event NSLabs::unblock(request: string, device: subnet, peer: subnet,
    reason: string)
	{
	last_heard = current_time();
	forget_ended();
	local key = key_of(device, peer);
	local was_there = key in standing_blocks;
	if ( was_there )
		{
		remove_rules(standing_blocks[key], reason);
		forget(key);
		}
	local rec = Info($ts=network_time(), $verb="unblock", $done=T,
	    $reason=was_there ? reason : "it was not blocked");
	if ( device != none )
		rec$device = device;
	if ( peer != none )
		rec$peer = peer;
	Log::write(NSLabs::LOG, rec);
	answer(request, T, "");
	}

event NSLabs::note(request: string, alert: string, device: addr,
    behaviour: string, sentence: string, score: double, uids: vector of string)
	{
	last_heard = current_time();
	NOTICE(Notice::Info($note=NSLabs::Anomaly, $msg=sentence, $sub=fmt(
	    "%s %s, score %.3f, uids %s", behaviour, alert, score,
	    join_string_vec(uids, " ")), $src=device, $identifier=alert,
	    $suppress_for=1hr));
	Log::write(NSLabs::LOG, Info($ts=network_time(), $verb="note",
	    $device=addr_to_subnet(device), $done=T, $alert=alert,
	    $behaviour=behaviour, $sentence=sentence, $confidence=score));
	answer(request, T, "");
	}

event NSLabs::list_blocks(request: string)
	{
	last_heard = current_time();
	forget_ended();
	local devices: vector of subnet = vector();
	local peers: vector of subnet = vector();
	local left: vector of interval = vector();
	for ( key, block_ in standing_blocks )
		{
		devices += block_$device;
		peers += block_$peer;
		left += block_$ends - network_time();
		}
	Cluster::publish(replies, NSLabs::standing, request, devices, peers, left);
	}

event NSLabs::hello(request: string, version: string)
	{
	last_heard = current_time();
	told_silence = F;
	answer(request, T, zeek_version());
	}

event NSLabs::beat()
	{
	forget_ended();
	Cluster::publish(replies, NSLabs::heartbeat, zeek_version(), |standing_blocks|);
	local heard_once = last_heard > double_to_time(0.0);
	if ( heard_once && ! told_silence && current_time() - last_heard > silence )
		{
		told_silence = T;
		NOTICE(Notice::Info($note=NSLabs::Silent, $msg=fmt("nothing was heard from nslabs for %s; %d blocks end by themselves",
		    silence, |standing_blocks|)));
		}
	schedule heartbeat_interval { NSLabs::beat() };
	}

event zeek_init()
	{
	Log::create_stream(NSLabs::LOG, Log::Stream($columns=Info, $ev=log_nslabs,
	    $path="nslabs", $policy=log_policy));
	if ( Cluster::is_enabled() && Cluster::local_node_type() != Cluster::MANAGER )
		return;
	Cluster::subscribe(requests);
	# The managers of clusters listen by themselves since 8.1. Who reads captures has nobody to answer.
	if ( listen
	    && ! reading_traces()
	    && ( ! Cluster::is_enabled() || Version::number < 80100 ) )
		Cluster::listen_websocket(Cluster::WebSocketServerOptions(
		    $listen_addr=listen_address, $listen_port=listen_port));
	schedule heartbeat_interval { NSLabs::beat() };
	}
