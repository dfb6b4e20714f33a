##! Makes Zeek write what nslabs reads. Each script below does one thing; load them one by one to leave some out.

@load ./json-logs
@load ./mac-logging
@load ./community-id
@load ./community-id-dns-http
@load ./rotation
@load ./leftover-rotation
