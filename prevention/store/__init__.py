"""Where decisions are kept: one SQLite file, written by one process."""

from prevention.store.decisions import DecisionStore, Filter

__all__ = ["DecisionStore", "Filter"]
