"""Has every compiled loop ready before the first live record: the first start after an installation compiles them.

They are compiled in processes of their own, as many as there is room for: what compilers need is not kept by a service
that runs for months, and the log kinds are compiled side by side.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from ingest.decoder import LogDecoder
from ingest.records import MODELLED_KINDS, SCHEMAS, RecordBatch
from online_models.compile import CACHE_DIR, needs_compiling
from online_models.config import ModelConfig
from online_models.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Iterable

_TSV_HEADER: Final = b"""#separator \\x09
#set_separator\t,
#empty_field\t(empty)
#unset_field\t-
#path\tdns
#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tquery\tqtype\tAA\tanswers\tTTLs
#types\ttime\tstring\taddr\tport\taddr\tport\tstring\tcount\tbool\tvector[string]\tvector[interval]
"""
_TSV_ROWS: Final = b"""1.5\tC1\t192.168.1.2\t1\t192.0.2.1\t2\ta\\x09b\t1\tT\t192.0.2.1,192.0.2.2\t1.0,2.0
1.5\tC2\t192.168.1.2\t1\t192.0.2.1\t2\t\xc3\xa4\t-\t-\t(empty)\t-
"""
_PLAIN_JSON: Final = (
    b'{"_path":"dns","ts":1.5,"uid":"C1","id.orig_h":"192.168.1.2","id.orig_p":1,"id.resp_h":"192.0.2.1","id.resp_p":2,'
    b'"query":"a","qtype":1,"AA":true,"answers":["192.0.2.1","192.0.2.2"],"TTLs":[1.0,2.0]}\n'
)
_ODD_JSON: Final = b'{"_path":"dns","ts":"2026-01-05T08:00:00.000001Z","id.orig_h":"192.168.1.2","query":"a\\u0009b"}\n'
_LINES: Final = 200  # a handful would be read one by one, without the loops
_DEVICES: Final = 500  # more than fit into the tables as they are made: growing and evicting are compiled, too
_SMALL: Final = ModelConfig(max_devices=256, max_pairs=256)


_SHARES: Final = (("conn",), ("dns", "http"))
"""What is compiled side by side."""
_COMPILE: Final = """
import os, sys
os.environ["NUMBA_CACHE_DIR"] = sys.argv[1]
from api.warmup import use
use(sys.argv[2:])
"""


def warm_up() -> None:
    """Have every loop compiled and loaded."""
    if needs_compiling() and len(os.sched_getaffinity(0)) > 1:
        _compile_elsewhere()
    use(MODELLED_KINDS)


def _compile_elsewhere() -> None:
    """Fill the cache; what fails there is compiled by this process."""
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for kinds in _SHARES:
            command = [sys.executable, "-c", _COMPILE, str(CACHE_DIR.parent), *kinds]
            silent = subprocess.DEVNULL
            process = subprocess.Popen(  # noqa: S603 - this interpreter, and words of this module
                command, stdin=silent, stdout=silent, stderr=silent
            )
            processes.append(process)
        for process in processes:
            process.wait()
    finally:
        for process in processes:
            process.kill()
            process.wait()


def use(kinds: Iterable[str]) -> None:
    """Decode, score and learn some records of each kind, with models that are thrown away."""
    for log in (_TSV_HEADER + _LINES * _TSV_ROWS, _LINES * _PLAIN_JSON + _ODD_JSON):
        LogDecoder("warm-up").feed(log)
    engine = Engine(_SMALL)
    for kind in kinds:
        engine.process(_records(kind))
        engine.process(RecordBatch(kind, pl.DataFrame([{"ts": 1.0}], schema=SCHEMAS[kind])))
        engine.rehearse_feedback(kind)


def _records(kind: str) -> RecordBatch:
    """Return records of many devices; the first has every field, so that arrays are made as they are for a real log."""
    schema = SCHEMAS[kind]
    first = {name: _value(kind_of) for name, kind_of in schema.items()}
    rows = [(first if number == 0 else {}) | _addresses(number) for number in range(_DEVICES)]
    return RecordBatch(kind, pl.DataFrame(rows, schema=schema))


def _addresses(number: int) -> dict[str, Any]:
    device = f"10.0.{number // 250}.{1 + number % 250}"
    return {"ts": 1.0 + number, "uid": f"C{number}", "id.orig_h": device, "id.resp_h": f"192.0.2.{1 + number % 250}"}


def _value(kind: pl.DataType) -> Any:
    if isinstance(kind, pl.List):
        return []
    return "x" if kind == pl.String else kind == pl.Boolean or 1
