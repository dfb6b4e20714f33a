"""Reads a declaration in TOML. All that is wrong is told at once, each with its file and line."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from ingest.records import SCHEMAS
from online_models.kinds.user.declaration import Declaration
from online_models.kinds.user.lines import LineNumbers
from online_models.kinds.user.parts import Checked, read_behaviours, read_condition, read_keys, read_views

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

_KNOWN: Final = ("log", "client", "server", "target", "share", "columns", "failed", "keys", "views", "behaviours")
_LOG: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_AT_LINE: Final = re.compile(r"\(at line (\d+),.*\)$")
_MOST_BYTES: Final = 1 << 20
"""Of a file: what is longer is no declaration that a person wrote."""
_MOST_COLUMNS: Final = 64
"""That a declaration reads: no log of Zeek's has as many."""
TYPES: Final[dict[str, pl.DataType]] = {
    **dict.fromkeys(("string", "enum", "addr", "subnet"), pl.String()),
    **dict.fromkeys(("count", "int"), pl.Int64()),
    **dict.fromkeys(("double", "interval"), pl.Float64()),
    "bool": pl.Boolean(),
    "port": pl.UInt16(),
    **{
        f"{many}[{one}]": pl.List(pl.String())
        for many in ("set", "vector")
        for one in ("string", "enum", "addr", "subnet")
    },
}
"""Zeek's types, as the line ``#types`` of a log names them, that can be read."""
ALWAYS: Final[dict[str, pl.DataType]] = {
    "ts": pl.Float64(),
    "uid": pl.String(),
    "id.orig_h": pl.String(),
    "id.orig_p": pl.UInt16(),
    "id.resp_h": pl.String(),
    "id.resp_p": pl.UInt16(),
}
"""Columns that are read of every log."""


def read_declaration(path: Path, name: str, taken: Collection[str], known: Collection[str]) -> Declaration | list[str]:
    """Return a file's declaration, or a line for each thing that is wrong with it.

    Parameters
    ----------
    path, name
        The file, and what it is called in messages.
    taken
        Logs that have a model, or are no logs of traffic.
    known
        Names of behaviours that others have.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        return [f"{name}: {error.strerror}; expected a file that declares a log kind"]
    if len(content) > _MOST_BYTES:
        return [f"{name}: {len(content):,} bytes; a declaration has {_MOST_BYTES:,} at most"]
    try:
        text = content.decode("utf-8-sig")
        document = tomllib.loads(text)
    except UnicodeDecodeError:
        return [f"{name}: expected UTF-8"]
    except tomllib.TOMLDecodeError as error:
        found = _AT_LINE.search(str(error))
        return [f"{name}:{found[1] if found else 1}: expected TOML, but {_AT_LINE.sub('', str(error)).strip()}"]
    checked = Checked(name, LineNumbers(text))
    declared = _read(checked, document, taken, known)
    return checked.told() or declared


def _read(c: Checked, document: dict[str, Any], taken: Collection[str], known: Collection[str]) -> Declaration:
    c.known_only((), document, _KNOWN)
    log = _log(c, document, taken)
    schema = _schema(c, document, log)
    ends = [
        _end(c, document, end, column, schema) for end, column in (("client", "id.orig_h"), ("server", "id.resp_h"))
    ]
    c.schema = schema
    failed = read_condition(c, ("failed",), document.get("failed", {}))
    keys = read_keys(c, document)
    views = read_views(c, document, keys, failed)
    return Declaration(
        log=log,
        client=ends[0],
        server=ends[1],
        schema=schema,
        target=c.template((), document, "target", f"{log} with {{{ends[1]}}}", schema),
        share=c.number((), document, "share", 0.1, 0.0, 1.0),  # as of MQTT's
        failed=failed,
        keys=tuple(keys.values()),
        views=views,
        behaviours=read_behaviours(c, document, views, known),
    )


def _log(c: Checked, document: dict[str, Any], taken: Collection[str]) -> str:
    log = document.get("log")
    if not isinstance(log, str) or not _LOG.fullmatch(log):
        c.wrong(("log",), "log: expected the log's name as Zeek writes it after #path, such as 'modbus'")
        return ""
    if log in taken:
        c.wrong(("log",), f"log: {log!r} has a model already, or is no log of who did what to whom")
    return log


def _schema(c: Checked, document: dict[str, Any], log: str) -> pl.Schema:
    built_in = dict(SCHEMAS.get(log, {}))
    columns: dict[str, pl.DataType] = {**ALWAYS, **built_in, "community_id": pl.String()}
    told = c.table((), document, "columns")
    if len(told) > _MOST_COLUMNS:
        c.wrong(("columns",), f"columns: {len(told):,}; at most {_MOST_COLUMNS}")
        return pl.Schema(columns)
    for name, kind in told.items():
        dtype = TYPES.get(kind) if isinstance(kind, str) else None
        if dtype is None:
            c.wrong(("columns", name), f"column {name!r}: {kind!r} is none of Zeek's types {', '.join(TYPES)}")
        elif name in ALWAYS:
            c.wrong(("columns", name), f"column {name!r}: it is read of every log; leave it out")
        elif columns.get(name, dtype) != dtype:
            c.wrong(("columns", name), f"column {name!r}: {log} is read with another type than {kind}")
        columns[name] = dtype or pl.String()
    return pl.Schema(columns)


def _end(c: Checked, document: dict[str, Any], end: str, usual: str, schema: pl.Schema) -> str:
    column = document.get(end, usual)
    if not isinstance(column, str) or schema.get(column) != pl.String():
        c.wrong((end,), f"{end}: {column!r} is no column with an address; declare it in [columns] as addr")
        return usual
    return column


def problems_of_names(declared: Sequence[tuple[str, Declaration]]) -> list[str]:
    """Return a line for each log and each behaviour that two files declare."""
    logs: dict[str, str] = {}
    behaviours: dict[str, str] = {}
    problems = []
    for name, one in declared:
        if one.log in logs:
            problems.append(f"{name}:1: log: {one.log!r} is declared by {logs[one.log]} as well")
        logs.setdefault(one.log, name)
        for told in one.behaviours:
            if behaviours.get(told.name, name) != name:
                problems.append(f"{name}:1: behaviour {told.name!r}: {behaviours[told.name]} has one of this name")
            behaviours.setdefault(told.name, name)
    return problems
