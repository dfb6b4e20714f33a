"""Zeek's logs that a user declares: decoded from then on like those that are known, TSV and JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ingest.decode.layout import layout_of
from ingest.decode.schemas import DECLARED, READ, SCHEMAS, required_of
from ingest.decode.tally import nulls_of
from ingest.decode.zeek.json_loops import zeek_form
from ingest.decode.zeek.values import converters_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

_BUILT_IN: Final = dict(SCHEMAS)


@dataclass(frozen=True, slots=True)
class Log:
    """What is read of a log.

    Attributes
    ----------
    schema
        Its columns with their types; ``ts``, ``uid`` and Zeek's four of ``id`` are among them.
    ends
        The columns with the addresses of client and server, without which a record is none.
    """

    schema: pl.Schema
    ends: tuple[str, str]


def declare(logs: Mapping[str, Log]) -> None:
    """Decode these logs, by name, beside those that are always known, and no others.

    Not thread-safe: call it before anything reads logs.
    """
    for name in DECLARED:
        del SCHEMAS[name], READ[name]
        if name in _BUILT_IN:
            SCHEMAS[name] = READ[name] = _BUILT_IN[name]
    DECLARED.clear()
    for name, log in logs.items():
        SCHEMAS[name] = READ[name] = log.schema
        DECLARED[name] = log.ends
    for known in (required_of, layout_of, zeek_form, converters_of, nulls_of):
        known.cache_clear()
