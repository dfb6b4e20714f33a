##! Adds the Community ID of every connection (``community_id``) to conn.log.
##!
##! The same connection has the same Community ID in Suricata's ``eve.json``, so its alerts can be joined to Zeek's
##! records. Set the same seed on both; the default is 0 on both.

@load policy/protocols/conn/community-id-logging
