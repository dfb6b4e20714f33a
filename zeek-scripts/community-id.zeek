##! Adds the Community ID of every connection (``community_id``) to conn.log.
##!
##! The same connection has the same Community ID in Suricata's ``eve.json`` (``community-id: true``), so that nslabs
##! takes it once where both watch. Set the same seed on both; the default is 0 on both.

@load policy/protocols/conn/community-id-logging
