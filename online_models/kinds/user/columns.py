"""The arrays of a declared kind's records: keys and numbers, and who did what to whom."""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from online_models.features.text import GLOBAL, addresses, ends_of, hashes, owned
from online_models.kinds.contexts import SIDES, context_of_ends
from online_models.kinds.user.declaration import DEVICE, DISTANCE, PAIR, SERVER, SITE
from online_models.program.machine import Keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ingest.records import RecordBatch
    from online_models.features.text import Addresses
    from online_models.kinds.user.declaration import Condition, Declaration, DeclaredKey
    from online_models.program.machine import Columns

_SEPARATOR = "\x1f"
"""Between the columns that tell a thing apart: no printable text holds it."""


def numbers_of(declared: Declaration) -> tuple[str, ...]:
    """Return the names of the numbers that are read of a record."""
    sizes = [f"{part}_{column}" for column in _sizes(declared) for part in ("size", "log", "has_size")]
    return ("failed", *(f"has_{key.name}" for key in declared.keys), *sizes)


def _sizes(declared: Declaration) -> list[str]:
    return sorted({one.about for one in declared.measures.values() if one.asks == DISTANCE})


def holds(schema: pl.Schema, condition: Condition) -> pl.Expr:
    """Return whether records are such."""
    result = pl.lit(value=True)
    for column, wanted in condition.items():
        result &= _column_holds(pl.col(column), schema[column], wanted)
    return result


def _column_holds(column: pl.Expr, dtype: pl.DataType, wanted: Any) -> pl.Expr:
    if isinstance(wanted, bool):
        found = column == wanted if dtype == pl.Boolean else column.is_not_null() == wanted
    elif isinstance(wanted, str):
        is_list = isinstance(dtype, pl.List)
        found = (
            column.list.eval(pl.element().str.contains(wanted)).list.any() if is_list else column.str.contains(wanted)
        )
    elif isinstance(wanted, list):
        found = column.is_between(*wanted)
    else:
        found = column == wanted
    return found.fill_null(value=False)


def text_of_column(column: str, dtype: pl.DataType) -> pl.Expr:
    """Return a column as text, null where it is unset."""
    named = pl.col(column)
    return named.list.sort().list.join(",", ignore_nulls=True) if isinstance(dtype, pl.List) else named.cast(pl.String)


def columns_of(declared: Declaration, order: Sequence[str], recent: Sequence[tuple[str, str]]) -> Any:
    """Return the function that turns a batch into the loop's arrays.

    ``order`` names the keys as they stand behind the device's; ``recent`` the recent things after them, each with the
    key that it is of.
    """

    def columns(batch: RecordBatch, ranges: npt.NDArray[np.uint64]) -> Columns:
        frame = batch.frame
        client, server = _end(frame, declared.client, ranges), _end(frame, declared.server, ranges)
        inbound = (client.scope == GLOBAL) & (server.scope != GLOBAL)
        device, peer = np.where(inbound, server.key, client.key), np.where(inbound, client.key, server.key)
        read = frame.select(*(part for key in declared.keys for part in _read_key(declared, key)))
        keys, made = Keys(device), {DEVICE: device}
        for name in order:
            made[name] = _make(declared, name, keys, made, peer, read, frame[declared.server])
        for name, of in recent:
            keys.own(made[of], _salted(name, len(batch)))
        ts = owned(frame["ts"].fill_null(0.0).to_numpy())
        return keys.with_numbers(ts, ts, _numbers(declared, frame, read), inbound)

    return columns


def _salted(name: str, rows: int) -> npt.NDArray[np.uint64]:
    return np.full(rows, hashes(pl.Series([name]))[0])


def _read_key(declared: Declaration, key: DeclaredKey) -> tuple[pl.Expr, pl.Expr]:
    """Return what tells a thing apart, and whether a record has it."""
    owner = declared.by_key.get(key.of)
    parts = [text_of_column(column, declared.schema[column]) for column in key.columns]
    has = holds(declared.schema, key.only)
    if parts:
        has &= pl.any_horizontal(part.is_not_null() for part in parts)
    if owner is not None:
        has &= _read_key(declared, owner)[1]
    named = pl.concat_str(pl.lit(key.name), *(part.fill_null("") for part in parts), separator=_SEPARATOR)
    return pl.when(has).then(named).otherwise(pl.lit(f"no {key.name}")).alias(key.name), has.alias(f"has_{key.name}")


def _make(
    declared: Declaration,
    name: str,
    keys: Keys,
    made: dict[str, npt.NDArray[np.uint64]],
    peer: npt.NDArray[np.uint64],
    read: pl.DataFrame,
    server: pl.Series,
) -> npt.NDArray[np.uint64]:
    """Add a key; what the site or a server owns has nothing of the device in it."""
    if name == PAIR:
        return keys.own(made[DEVICE], peer)
    if name == SITE:
        return keys.plain(_salted(SITE, len(read)))
    if name == SERVER:
        return keys.join(_salted(SERVER, len(read)), hashes(server))
    key = declared.by_key[name]
    add = keys.join if key.is_of_site else keys.own
    return add(made[key.of], hashes(read[name]))


def _numbers(declared: Declaration, frame: pl.DataFrame, read: pl.DataFrame) -> list[npt.NDArray[Any]]:
    failed = frame.select(holds(declared.schema, declared.failed) if declared.failed else pl.lit(value=False))
    numbers: dict[str, npt.NDArray[Any]] = {"failed": np.broadcast_to(failed.to_series().to_numpy(), len(frame))}
    numbers |= {name: read[name].to_numpy() for name in read.columns if name.startswith("has_")}
    for column in _sizes(declared):
        size = frame[column].cast(pl.Float64).fill_null(0.0).clip(0.0).to_numpy()
        has = frame[column].is_not_null().to_numpy()
        numbers |= {f"size_{column}": size, f"log_{column}": np.log2(1.0 + size), f"has_size_{column}": has}
    return [numbers[name] for name in numbers_of(declared)]


def _end(frame: pl.DataFrame, column: str, ranges: npt.NDArray[np.uint64]) -> Addresses:
    """Classify an end; the usual ones are those of devices, whatever their addresses are now."""
    return ends_of(frame, SIDES[column], ranges) if column in SIDES else addresses(frame[column], ranges)


def context_of(declared: Declaration) -> Any:
    """Return the function that names device, peer and target of every record."""
    target = _target(declared)

    def context(frame: pl.DataFrame, columns: Columns) -> pl.DataFrame:
        return context_of_ends(frame, columns.turned, target, declared.client, declared.server)

    return context


def _target(declared: Declaration) -> pl.Expr:
    parts = [pl.lit("")]
    for text, column, _, _ in Formatter().parse(declared.target):
        parts.append(pl.lit(text))
        if column is not None:
            parts.append(text_of_column(column, declared.schema[column]).fill_null("?"))
    return pl.concat_str(*parts)
