##! Keeps the logs that a crashed Zeek left behind: they are rotated at the next start, not cut to nothing.
##!
##! Without this a restarted Zeek truncates the live log in place, and what had not been read yet is gone. Works only
##! with a rotation interval above zero.

@load ./rotation

redef LogAscii::enable_leftover_log_rotation = T;
