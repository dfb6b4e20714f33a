##! Writes every log as JSON, one object a line, with times as seconds since 1970.
##!
##! A JSON line says which field is which, so a package that adds a column does not need a new header. nslabs reads
##! Zeek's tab-separated logs equally well: leave this script out if something else on the sensor needs those.

@load policy/tuning/json-logs

redef LogAscii::json_timestamps = JSON::TS_EPOCH;
