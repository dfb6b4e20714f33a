"""The errors that reading logs can raise; each message says which file, what was found and what to do."""

from __future__ import annotations

from typing import Final, Literal, get_args

Cause = Literal[
    "not_json",
    "unknown_kind",
    "no_header",
    "prefix",
    "encoding",
    "fields",
    "value",
    "address",
    "too_long",
    "cut_off",
    "damaged",
]
"""Why a line is malformed, in a word: no JSON; of no known log kind; without a header that names its fields; with other
text before its JSON object; in another encoding than UTF-8; with too many or too few fields; with a time that is none;
with an address that is missing or is none; longer than a line may be; without its end; in a packed file that is not
whole."""

CAUSES: Final[tuple[Cause, ...]] = get_args(Cause)


class IngestError(Exception):
    """Base of every error that `ingest` raises on purpose."""


class LogPathError(IngestError):
    """A path that was named cannot be read as a log or a folder of logs."""


class CheckpointError(IngestError):
    """A checkpoint cannot be read, or belongs to another version or configuration."""


class BadLineError(IngestError):
    """One line that is not a record; the message says which field, which value and what was expected."""

    def __init__(self, message: str, cause: Cause = "value") -> None:
        super().__init__(message)
        self.cause = cause
