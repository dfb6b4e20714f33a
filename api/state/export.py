"""Alerts as rows of CSV (RFC 4180) and as JSON lines, one at a time, so that any number of them costs little memory."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final, Literal

import orjson

from api.alert import alert_fields, link_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ingest.context.identity import Identity
    from online_models.types import Alert

ExportFormat = Literal["csv", "ndjson"]

COLUMNS: Final = (
    "id", "ts", "first_ts", "last_ts", "device", "mac", "host_name", "behaviour", "severity", "score", "status",
    "count", "log", "technique", "sentence", "reasons", "peers", "targets", "uids", "incident", "drift", "verdict",
    "comment", "muted", "site", "link", "label",
)  # fmt: skip
"""Of CSV, in their order; what is a list is joined by "; "."""

_OBEYED: Final = ("=", "+", "-", "@", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}",
                  "\N{FULLWIDTH HYPHEN-MINUS}", "\N{FULLWIDTH COMMERCIAL AT}")  # fmt: skip
"""With which a cell begins that a spreadsheet takes for a formula (OWASP, CSV injection)."""


def json_line(alert: Alert, owner: Identity | None) -> bytes:
    """Return an alert as one line of JSON, with the fields of docs/alert.md."""
    return orjson.dumps(alert_fields(alert, owner, link_to(alert.id)), option=orjson.OPT_APPEND_NEWLINE)


def csv_line(alert: Alert, owner: Identity | None) -> bytes:
    """Return an alert as one row of CSV that no spreadsheet obeys."""
    fields = alert_fields(alert, owner, link_to(alert.id))
    fields["reasons"] = [reason.text for reason in alert.reasons if reason.text]
    return row_of(_cell(fields[name]) for name in COLUMNS)


CSV_HEAD: Final = ",".join(COLUMNS).encode() + b"\r\n"

LINES: Final[dict[ExportFormat, tuple[bytes, Callable[[Alert, Identity | None], bytes]]]] = {
    "csv": (CSV_HEAD, csv_line),
    "ndjson": (b"", json_line),
}
"""Of each format what comes first, and what makes a line."""


def row_of(cells: Iterable[str]) -> bytes:
    """Return cells as one row."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(cells)
    return text.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)  # a number of ours may be negative
    return harmless_cell("; ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))


def harmless_cell(text: str) -> str:
    """Return text that no spreadsheet takes for a formula, and no terminal obeys.

    Examples
    --------
    >>> harmless_cell("=1+1"), harmless_cell(" @SUM(A1)"), harmless_cell("porch-camera")
    ("'=1+1", "' @SUM(A1)", 'porch-camera')
    """
    return no_formula("".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text))


def no_formula(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip(" \N{REPLACEMENT CHARACTER}").startswith(_OBEYED) else text
