"""What carries decisions out: one file for each, found as entry points of the group `networksecuritylabs.enforcers`."""

from prevention.enforcers.protocol import Abilities, Enforcer, Order, Standing
from prevention.enforcers.registry import GROUP, load_enforcer

__all__ = ["GROUP", "Abilities", "Enforcer", "Order", "Standing", "load_enforcer"]
