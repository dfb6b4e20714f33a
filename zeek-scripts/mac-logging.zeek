##! Adds both ends' MAC addresses (``orig_l2_addr``, ``resp_l2_addr``) to conn.log.
##!
##! With them a device stays the same device when its address lease changes. Only the addresses of the sensor's own
##! network segment mean anything: behind a router every peer has the router's.

@load policy/protocols/conn/mac-logging
