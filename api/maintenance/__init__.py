"""Maintenance windows: spans of time in which records of some devices are scored, and neither alert nor are learned."""

from api.maintenance.scoring import Maintained
from api.maintenance.window import Phase, Scope, Window

__all__ = ["Maintained", "Phase", "Scope", "Window"]
