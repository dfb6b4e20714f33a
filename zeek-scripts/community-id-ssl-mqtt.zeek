##! Adds the Community ID of the connection (``community_id``) to ssl.log and the logs of MQTT, too.
##!
##! Where Suricata watches the same network, its TLS and MQTT events are joined to Zeek's records by it, as its flows are
##! to conn.log. Zeek's own script writes the Community ID to conn.log only.

@load base/protocols/ssl
@load ./mqtt
@load ./community-id

redef record SSL::Info += {
	## The Community ID of the connection.
	community_id: string &optional &log;
};

redef record MQTT::ConnectInfo += {
	## The Community ID of the connection.
	community_id: string &optional &log;
};

redef record MQTT::PublishInfo += {
	## The Community ID of the connection.
	community_id: string &optional &log;
};

redef record MQTT::SubscribeInfo += {
	## The Community ID of the connection.
	community_id: string &optional &log;
};

hook SSL::log_policy(rec: SSL::Info, id: Log::ID, filter: Log::Filter)
	{
	rec$community_id = community_id_v1(rec$id, CommunityID::seed,
	    CommunityID::do_base64);
	}

# Zeek's script for MQTT has no such hooks: it makes a record at priority 5, and writes it at the answer or at -5.

event mqtt_connect(c: connection, msg: MQTT::ConnectMsg)
	{
	if ( c?$mqtt )
		c$mqtt$community_id = community_id_v1(c$id, CommunityID::seed,
		    CommunityID::do_base64);
	}

event mqtt_publish(c: connection, is_orig: bool, msg_id: count,
    msg: MQTT::PublishMsg)
	{
	if ( c?$mqtt_state && msg_id in c$mqtt_state$publish )
		c$mqtt_state$publish[msg_id]$community_id = community_id_v1(c$id,
		    CommunityID::seed, CommunityID::do_base64);
	}

event mqtt_subscribe(c: connection, msg_id: count, topics: string_vec,
    requested_qos: index_vec)
	{
	if ( c?$mqtt_state && msg_id in c$mqtt_state$subscribe )
		c$mqtt_state$subscribe[msg_id]$community_id = community_id_v1(c$id,
		    CommunityID::seed, CommunityID::do_base64);
	}

event mqtt_unsubscribe(c: connection, msg_id: count, topics: string_vec)
	{
	if ( c?$mqtt_state && msg_id in c$mqtt_state$subscribe )
		c$mqtt_state$subscribe[msg_id]$community_id = community_id_v1(c$id,
		    CommunityID::seed, CommunityID::do_base64);
	}
