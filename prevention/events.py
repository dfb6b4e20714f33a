"""What prevention tells as it happens, for streams, alerts and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from prevention.decisions import Decision, State

What = Literal["made", "moved", "refused", "applied", "uncovered", "limit", "handover", "flush", "resume", "policy"]
"""A decision was made; moved to another state; was refused by a safeguard; is carried out; can be carried out by none;
a limit was reached, and all is suggested; a device's address went to another; everything was revoked; decisions have
consequences again; another policy holds, or was refused."""


@dataclass(frozen=True, slots=True)
class PreventionEvent:
    """One thing that happened.

    Attributes
    ----------
    what, text, at
        Which, what a person is told of it, and when, epoch seconds.
    decision, before
        The decision that it is about, if it is, as it is now, and its state before.
    by, reason
        Who moved it, and why.
    """

    what: What
    text: str
    at: float
    decision: Decision | None = None
    before: State | None = None
    by: str = ""
    reason: str = ""
