"""Decisions and changes as rows, and back."""

from __future__ import annotations

from typing import Any, Final

from prevention.decisions import Decision, DecisionChange
from prevention.targets import Target

COLUMNS: Final = (
    *("id", "kind", "device", "peer", "domain", "action", "state", "mode", "made_at", "until"),
    *("by_whom", "alert", "behaviour", "sentence", "confidence", "rule", "step"),
)
CHANGE_COLUMNS: Final = ("decision", "number", "at", "before", "after", "until", "by_whom", "reason")
SELECT: Final = f"SELECT {', '.join(COLUMNS)} FROM decision"  # noqa: S608 - our own column names
INSERT: Final = (
    f"INSERT OR IGNORE INTO decision ({', '.join(COLUMNS)})"  # noqa: S608 - our own column names
    f" VALUES ({', '.join('?' for _ in COLUMNS)})"
)


def to_row(decision: Decision) -> tuple[Any, ...]:
    """Return the values of `COLUMNS`."""
    d, t = decision, decision.target
    return (
        *(d.id, t.kind, t.device, t.peer, t.domain, d.action, d.state, d.mode, d.made_at, d.until),
        *(d.by, d.alert, d.behaviour, d.sentence, d.confidence, d.rule, d.step),
    )


def from_row(row: tuple[Any, ...]) -> Decision:
    """Return the decision of a row of `COLUMNS`."""
    identifier, kind, device, peer, domain, *rest = row
    return Decision(identifier, Target(kind, device, peer, domain), *rest)


def change_from_row(row: tuple[Any, ...]) -> DecisionChange:
    """Return the change of a row of `CHANGE_COLUMNS`."""
    return DecisionChange(*row)
