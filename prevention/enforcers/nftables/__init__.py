"""Blocks on this host with nftables, where it routes or bridges what the devices say."""

from prevention.enforcers.nftables.enforcer import Nftables, make

__all__ = ["Nftables", "make"]
