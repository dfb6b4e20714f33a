##! Rotates every log once an hour, so that a finished hour can be packed away while the live one is followed.
##!
##! Zeek alone never rotates. Under zeekctl the option ``LogRotationInterval`` of zeekctl.cfg overrides this. Load this
##! script before any ``redef Log::default_rotation_interval`` of your own: the last one counts.

redef Log::default_rotation_interval = 1hr;
