"""One JSON line at a time, exactly: the definition of how a line is read, and the way around anything odd."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ingest.decode.json_lines import parse_line
from ingest.decode.kinds import resolve_kind
from ingest.decode.scan.json_objects import MAX_KEY_BYTES
from ingest.decode.schemas import SCHEMAS
from ingest.decode.suricata.dns_form import dns_form
from ingest.decode.suricata.events import EveReader, is_event
from ingest.decode.suricata.flow_form import flow_form
from ingest.decode.wrapping import wrapped
from ingest.decode.zeek.ends import with_usual_keys
from ingest.decode.zeek.json_loops import zeek_form
from ingest.decode.zeek.values import read_zeek
from ingest.errors import BadLineError

if TYPE_CHECKING:
    from collections.abc import Collection

    from ingest.decode.zeek.json_loops import LineForm

_MOST_KEYS: Final = 256
_EVENT_FORMS: Final = {"flow": flow_form, "dns": dns_form}
_EVE: Final = "eve"
_UNKNOWN: Final = (
    "no known log kind: give _path, the fields of a Zeek log, or the event_type and timestamp of Suricata; records "
    "inside other objects are found under event, json, log, message and MESSAGE"
)
_WRAPPINGS: Final = 2
"""So many objects may be around a record: a forwarder's, around a container's."""


@dataclass(slots=True)
class Event:
    """What one JSON object is.

    Attributes
    ----------
    kind
        Its log kind or its type of event, which need not be analysed.
    rows
        (kind of `READ`, values by column name) of each record that it gives; None if it is not analysed.
    nulled
        (kind, columns) of the values that could not be read.
    path
        What its ``_path`` says, None if it has none.
    keys
        Its keys in their order, if it is of Zeek's form.
    hint
        What the file's name says about the kind.
    wrapped
        It stood inside another object.
    """

    kind: str
    rows: list[tuple[str, dict[str, Any]]] | None = None
    nulled: list[tuple[str, list[str]]] = field(default_factory=list)
    path: str | None = None
    keys: Collection[str] = ()
    hint: str = ""
    wrapped: bool = False

    def form(self) -> LineForm | None:
        """Return how lines of this kind look, for the loops; None if there are no loops for them."""
        if self.wrapped or self.rows is None or len(self.keys) > _MOST_KEYS:
            return None
        if self.keys:
            short = tuple(key for key in self.keys if len(key) < MAX_KEY_BYTES)
            return zeek_form(self.kind, self.path, self.hint, short)
        return _EVENT_FORMS[self.kind]() if self.kind in _EVENT_FORMS else None


def read_event(record: object, hint: str, eve: EveReader) -> Event:
    """Return what a decoded JSON value is; raise `BadLineError` naming what is wrong with it."""
    inner, depth = _unwrap(record), 0
    while inner is not record and depth < _WRAPPINGS:
        record, inner, depth = inner, _unwrap(inner), depth + 1
    if not isinstance(record, dict):
        raise BadLineError(f"a record is a JSON object, not {type(record).__name__}", "unknown_kind")
    event = _read_suricata(record, eve) if is_event(record) else _read_zeek(record, hint)
    event.wrapped = depth > 0
    return event


def _unwrap(record: object) -> object:
    """Return the record inside an object that is none itself."""
    if not isinstance(record, dict) or is_event(record):
        return record
    inner = wrapped(record)
    if inner is None:
        return record
    return parse_line(inner) if isinstance(inner, bytes) else inner


def _read_suricata(record: dict[str, Any], eve: EveReader) -> Event:
    kind, found = eve.read(record)
    return Event(kind) if found is None else Event(kind, *_converted(found))


def _read_zeek(record: dict[str, Any], hint: str) -> Event:
    path = record["_path"] if isinstance(record.get("_path"), str) else None
    usual = with_usual_keys(record)
    kind = resolve_kind(path, usual.keys(), hint)
    if kind is None or (path is None and kind == hint and hint.startswith(_EVE)):
        raise BadLineError(_UNKNOWN, "unknown_kind")
    if kind not in SCHEMAS:
        return Event(kind, path=path, keys=record.keys())
    return Event(kind, *_converted([(kind, usual)]), path, record.keys(), hint)


def _converted(
    found: list[tuple[str, dict[str, Any]]],
) -> tuple[list[tuple[str, dict[str, Any]]], list[tuple[str, list[str]]]]:
    rows, nulled = [], []
    for kind, values in found:
        columns: list[str] = []
        rows.append((kind, read_zeek(values, kind, columns)))
        if columns:
            nulled.append((kind, columns))
    return rows, nulled
