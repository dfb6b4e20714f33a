"""Tells Suricata over its Unix socket: hosts by hostbits, which expire, and domains by a dataset, which does not.

Suricata drops only where it is inline; elsewhere the rules write alerts, and nothing is stopped.
"""

from prevention.enforcers.suricata.domains import SuricataDomains, make_domains
from prevention.enforcers.suricata.hosts import SuricataHosts, make_hosts

__all__ = ["SuricataDomains", "SuricataHosts", "make_domains", "make_hosts"]
