"""Mutes: rules that hide alerts from everybody who is told of them, and never teach the models."""

from api.mutes.book import Mutes
from api.mutes.matching import matches
from api.mutes.rule import Conditions, Rule

__all__ = ["Conditions", "Mutes", "Rule", "matches"]
