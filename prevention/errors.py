"""The errors that prevention can raise; each message is one line that says what was found and what to do."""

from __future__ import annotations


class PreventionError(Exception):
    """Base of every error that `prevention` raises on purpose."""


class TargetError(PreventionError):
    """What is to be blocked is no address, prefix, MAC or domain, or not one of its kind."""


class PolicyError(PreventionError):
    """A policy is not readable, or a value in it is wrong; the message names the table and the key."""


class RefusedError(PreventionError):
    """A safeguard refuses the decision; the message says which."""


class NoDecisionError(PreventionError):
    """No decision has this identifier."""


class TransitionError(PreventionError):
    """A decision cannot come from its state into the one that was asked for."""


class DecisionStoreError(PreventionError):
    """The file of decisions cannot be used: damaged, not ours, or of another version."""


class EnforcerError(PreventionError):
    """An enforcer could not do what it was asked; it is tried again."""


class EnforcerSetupError(PreventionError):
    """An enforcer is unknown, or configured wrongly; trying again does not help."""
