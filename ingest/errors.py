"""The errors that reading logs can raise; each message says which file, what was found and what to do."""

from __future__ import annotations


class IngestError(Exception):
    """Base of every error that `ingest` raises on purpose."""


class LogPathError(IngestError):
    """A path that was named cannot be read as a log or a folder of logs."""


class UnknownKindError(IngestError):
    """A record or file whose log kind cannot be recognised."""


class CheckpointError(IngestError):
    """A checkpoint cannot be read, or belongs to another version or configuration."""


class BadLineError(IngestError):
    """One line that is not a record; the message says which field, which value and what was expected."""
