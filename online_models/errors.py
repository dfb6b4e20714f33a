"""The errors that the models can raise; each message says what was found and what to do."""

from __future__ import annotations


class ModelError(Exception):
    """Base of every error that `online_models` raises on purpose."""


class CapacityError(ModelError):
    """Tables that are larger than the address space; the message says which settings to lower."""


class SnapshotError(ModelError):
    """Bytes that are no snapshot of these models, a damaged one, or one of other settings."""


class TruthError(ModelError):
    """A file that is no truth about a log; the message says what was found and what was expected."""


class DeclarationError(ModelError):
    """A log kind that is declared wrongly; the message names what is wrong and what was expected."""
