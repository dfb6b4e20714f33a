"""What prevention tells as it happens, for streams, alerts and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from prevention.decisions import Decision

What = Literal["made", "moved", "refused", "limit", "handover", "flush", "resume"]
"""A decision was made; moved to another state; was refused by a safeguard; a limit was reached, and all is suggested;
a device's address went to another; everything was revoked; decisions have consequences again."""


@dataclass(frozen=True, slots=True)
class PreventionEvent:
    """One thing that happened: which, what a person is told of it, and the decision that it is about, if it is."""

    what: What
    text: str
    at: float
    decision: Decision | None = None
