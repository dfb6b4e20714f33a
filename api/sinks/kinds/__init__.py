"""The sinks that come with the service; a package of somebody else's adds one by an entry point."""
