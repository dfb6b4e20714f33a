##! Writes mqtt_connect.log, mqtt_publish.log and mqtt_subscribe.log: Zeek understands MQTT, and does not load it.
##!
##! With them nslabs learns which topics a device publishes and subscribes to, which one long connection hides.

@load policy/protocols/mqtt
