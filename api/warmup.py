"""Has every compiled loop ready before the first live record: the first start after an installation compiles them."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from ingest.decoder import LogDecoder
from ingest.records import MODELLED_KINDS, SCHEMAS, RecordBatch
from online_models.config import ModelConfig
from online_models.engine import Engine

_TSV: Final = b"""#separator \\x09
#path\tconn
#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p
#types\ttime\tstring\taddr\tport\taddr\tport
1.0\tC1\t192.168.1.2\t1\t192.0.2.1\t2
"""
_ADDRESSES: Final = {"ts": 1.0, "uid": "C1", "id.orig_h": "192.168.1.2", "id.resp_h": "192.0.2.1"}
_SMALL: Final = ModelConfig(max_devices=16, max_pairs=16)


def warm_up() -> None:
    """Decode, score and learn a few records of each kind, with models that are thrown away."""
    LogDecoder("warm-up").feed(_TSV)
    engine = Engine(_SMALL)
    for kind in MODELLED_KINDS:
        engine.process(_records(kind))
        engine.process(RecordBatch(kind, pl.DataFrame([{"ts": 1.0}], schema=SCHEMAS[kind])))


def _records(kind: str) -> RecordBatch:
    """Return three records; one has every field, so that arrays are made as they are for a real log."""
    schema = SCHEMAS[kind]
    rows = [{name: _value(name, kind_of) for name, kind_of in schema.items()}, _ADDRESSES, _ADDRESSES]
    return RecordBatch(kind, pl.DataFrame(rows, schema=schema))


def _value(name: str, kind: pl.DataType) -> Any:
    if name in _ADDRESSES:
        return _ADDRESSES[name]
    if isinstance(kind, pl.List):
        return []
    return "x" if kind == pl.String else kind == pl.Boolean or 1
