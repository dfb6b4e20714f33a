"""Features: what a record says about its device's relation to its own past, one file per log kind."""
