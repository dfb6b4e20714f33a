##! Makes Zeek write what nslabs reads. Each script below does one thing; load them one by one to leave some out.
##!
##! What lets nslabs have something blocked, ``nslabs-verdict``, is not among them: it is loaded by name.

@load ./json-logs
@load ./mac-logging
@load ./community-id
@load ./community-id-dns-http
@load ./community-id-ssl-mqtt
@load ./rotation
@load ./leftover-rotation
@load ./long-connections
@load ./device-names
@load ./mqtt
@load ./tls-certificates
