"""Compares what is wanted with what enforcers hold, and mends it."""

from prevention.reconcile.desk import Desk
from prevention.reconcile.differences import Differences, differences
from prevention.reconcile.keeper import Keeper, KeeperStatus
from prevention.reconcile.keepers import Keepers

__all__ = ["Desk", "Differences", "Keeper", "KeeperStatus", "Keepers", "differences"]
