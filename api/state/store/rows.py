"""Between `Alert` objects and rows of the alert table."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

import orjson

from online_models.types import Alert, Handling, Opinion, Reason, Severity

SEVERITIES: Final[tuple[Severity, ...]] = ("low", "medium", "high", "critical")
COLUMNS: Final = tuple(field.name for field in fields(Alert))
_JSON: Final = (
    *("reasons", "uids", "peers", "targets", "things", "subjects", "second_opinion"),
    *("handled", "peer_names"),
)


def to_row(alert: Alert) -> dict[str, Any]:
    """Return the alert's columns; severities are stored by rank so that they can be compared."""
    row = {name: getattr(alert, name) for name in COLUMNS}
    row["severity"] = SEVERITIES.index(alert.severity)
    return row | {name: orjson.dumps(row[name]).decode() for name in _JSON} | {"handled": to_handling(alert.handled)}


def from_row(row: tuple[Any, ...]) -> Alert:
    """Return the alert whose `COLUMNS` these are."""
    named = dict(zip(COLUMNS, row, strict=True))
    named["severity"] = SEVERITIES[named["severity"]]
    return _alert(named | {name: orjson.loads(named[name]) for name in _JSON if named[name] is not None})


def to_handling(handling: Handling | None) -> str | None:
    """Return how an alert is handled as its column holds it; null for most, so that the others are found quickly."""
    return None if handling is None else orjson.dumps(handling).decode()


def handling_from(text: str) -> Handling:
    """Return what `to_handling` was given."""
    return Handling(**orjson.loads(text))


def to_json(alert: Alert) -> str:
    """Return the whole alert as one JSON object."""
    return orjson.dumps(alert).decode()


def from_json(text: str) -> Alert:
    """Return the alert that `to_json` was given."""
    return _alert(orjson.loads(text))


def _alert(named: dict[str, Any]) -> Alert:
    lists = {name: tuple(named[name]) for name in ("uids", "peers", "targets", "subjects")}
    reasons, things = (Reason(**reason) for reason in named["reasons"]), map(tuple, named["things"])
    opinion = named["second_opinion"] and Opinion(**named["second_opinion"])
    handled = named["handled"] and Handling(**named["handled"]) if "handled" in named else None
    parts = {"handled": handled, "reasons": tuple(reasons), "things": tuple(things), "second_opinion": opinion}
    return Alert(**named | lists | parts)
