"""Makes sinks of their tables, by the entry points of this and other packages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from api.sinks.protocol import GROUP, Sink, SinkSetupError
from api.sinks.selection import CommonSettings, Selection

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.metadata import EntryPoint

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


@dataclass(frozen=True, slots=True)
class NamedSink:
    """A sink, what it is called and of which type it is, and which notices it wants."""

    name: str
    type: str
    sink: Sink
    selection: Selection


def known_types() -> dict[str, EntryPoint]:
    """Return the sinks that are installed, by their types."""
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)}


def make_sinks(tables: Mapping[str, Mapping[str, Any]]) -> list[NamedSink]:
    """Return the sinks that are enabled, in the order of their tables.

    Raises
    ------
    SinkSetupError
        With the first thing that is wrong.
    """
    made = [make_sink(name, table) for name, table in tables.items()]
    return [sink for sink in made if sink is not None]


def make_sink(name: str, table: Mapping[str, Any]) -> NamedSink | None:
    """Return the sink of one table, None if it is not enabled; raises as `make_sinks` does."""
    if not _NAME.fullmatch(name):
        raise SinkSetupError(f"[sinks.{name[:40]}]: expected a name of letters, digits, - and _, at most 40 of them")
    common = _checked(name, table)
    kind = common.type or name
    found = known_types().get(kind)
    if found is None:
        raise SinkSetupError(f"[sinks.{name}]: unknown type {kind[:40]!r}; expected one of {', '.join(known_types())}")
    if not common.enabled:
        return None
    own = {key: value for key, value in table.items() if key not in CommonSettings.model_fields}
    try:
        sink: Sink = found.load()(own, name)
    except ValidationError as error:
        raise SinkSetupError(f"[sinks.{name}]: {_first(error)}") from error
    except ImportError as error:
        raise SinkSetupError(
            f"[sinks.{name}]: type {kind!r} needs a package that is not installed ({error.name});"
            f" pip install 'networksecuritylabs[{kind if kind == 'apprise' else 'sinks'}]'"
        ) from error
    return NamedSink(name, kind, sink, Selection.of(common, sink))


def _checked(name: str, table: Mapping[str, Any]) -> CommonSettings:
    try:
        return CommonSettings.model_validate(dict(table))
    except ValidationError as error:
        raise SinkSetupError(f"[sinks.{name}]: {_first(error)}") from error


def _first(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "table"
    if first["type"] == "extra_forbidden":
        return f"unknown setting {place!r}"
    return f"{place}: {first['msg'].removeprefix('Value error, ')}"
