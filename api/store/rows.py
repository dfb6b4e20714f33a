"""Between `Alert` objects and rows of the alert table."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

import orjson

from online_models.types import Alert, Reason, Severity

SEVERITIES: Final[tuple[Severity, ...]] = ("low", "medium", "high", "critical")
COLUMNS: Final = tuple(field.name for field in fields(Alert))
_JSON: Final = ("reasons", "uids", "peers")


def to_row(alert: Alert) -> dict[str, Any]:
    """Return the alert's columns; severities are stored by rank so that they can be compared."""
    row = {name: getattr(alert, name) for name in COLUMNS}
    row["severity"] = SEVERITIES.index(alert.severity)
    return row | {name: orjson.dumps(row[name]).decode() for name in _JSON}


def from_row(row: tuple[Any, ...]) -> Alert:
    """Return the alert whose `COLUMNS` these are."""
    named = dict(zip(COLUMNS, row, strict=True))
    named["severity"] = SEVERITIES[named["severity"]]
    named["reasons"] = tuple(Reason(**reason) for reason in orjson.loads(named["reasons"]))
    named["uids"] = tuple(orjson.loads(named["uids"]))
    named["peers"] = tuple(orjson.loads(named["peers"]))
    return Alert(**named)
