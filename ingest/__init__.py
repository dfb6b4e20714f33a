"""From log files to record batches: decoders, followers, positions, and the traffic simulator."""
