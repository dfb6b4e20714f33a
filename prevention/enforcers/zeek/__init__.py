"""Has Zeek block with NetControl, and tell with its notices, over its WebSocket API; needs our package in Zeek."""

from prevention.enforcers.zeek.enforcer import Zeek, make

__all__ = ["Zeek", "make"]
