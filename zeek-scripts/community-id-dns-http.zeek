##! Adds the Community ID of the connection (``community_id``) to dns.log and http.log, too.
##!
##! Where Suricata watches the same network, its DNS and HTTP events are joined to Zeek's records by it, as its flows are
##! to conn.log. Zeek's own script writes the Community ID to conn.log only.

@load base/protocols/dns
@load base/protocols/http
@load ./community-id

redef record DNS::Info += {
	## The Community ID of the connection.
	community_id: string &optional &log;
};

redef record HTTP::Info += {
	## The Community ID of the connection.
	community_id: string &optional &log;
};

hook DNS::log_policy(rec: DNS::Info, id: Log::ID, filter: Log::Filter)
	{
	rec$community_id = community_id_v1(rec$id, CommunityID::seed,
	    CommunityID::do_base64);
	}

hook HTTP::log_policy(rec: HTTP::Info, id: Log::ID, filter: Log::Filter)
	{
	rec$community_id = community_id_v1(rec$id, CommunityID::seed,
	    CommunityID::do_base64);
	}
