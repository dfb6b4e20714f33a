##! Adds to ssl.log whether a server's certificate holds (``validation_status``).
##!
##! A device that begins to talk to a server with a certificate of its own making is news. JA4 fingerprints are read,
##! too, where the site has Zeek's package for them (``zkg install zeek/foxio/ja4``); nothing is to be loaded here.

@load policy/protocols/ssl/validate-certs
