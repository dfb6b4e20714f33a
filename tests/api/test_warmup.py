"""After the warm-up, live records in any shape are scored without compiling anything."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from api import warmup
from online_models.compile import CACHE_DIR

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

# In a process of its own: what other tests have compiled is not there.
PROGRAM = """
import sys
from pathlib import Path

import polars as pl
from numba.core.dispatcher import Dispatcher

from api.pipeline.pieces import in_one_piece
from api.warmup import warm_up
from ingest.records import MODELLED_KINDS, SCHEMAS, RecordBatch
from ingest.replay import ReplaySource
from ingest.simulator import SimulatorConfig, simulate
from online_models.config import ModelConfig
from online_models.engine import Engine

warm_up()
compiled = []
asked = Dispatcher._compile_for_args

def ask(self, *args, **kws):
    compiled.append(self.py_func.__name__)
    return asked(self, *args, **kws)

Dispatcher._compile_for_args = ask
engine = Engine(ModelConfig(max_devices=64, max_pairs=64))

def take(batch):
    engine.process(in_one_piece(batch))
    engine.learn(in_one_piece(batch))

for form in ("tsv", "json"):
    folder = Path(sys.argv[1]) / form
    simulate(SimulatorConfig(out=folder, hours=2, format=form, attack="mirai"))
    for batch in ReplaySource([folder]):
        take(batch)
for kind in MODELLED_KINDS:
    schema = SCHEMAS[kind]
    unset = pl.DataFrame([{"ts": 5.0}], schema=schema)
    known = {"ts": 6.0, "id.orig_h": "192.168.1.2", "id.resp_h": "192.0.2.1", "query": "a.example", "proto": "tcp"}
    known = pl.DataFrame([{name: known[name] for name in known if name in schema}] * 2, schema=schema)
    for frame in (unset, known, pl.concat([known, unset]), pl.concat([known, unset, known], rechunk=False)):
        take(RecordBatch(kind, frame))
print(sorted(set(compiled)))
"""


def test_nothing_is_compiled_after_the_warm_up(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr


def test_each_log_kind_is_compiled_once_in_a_process_beside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """They fill this process's cache; one that fails harms nothing, since this process compiles what is missing."""
    program = f"import sys, pathlib; pathlib.Path({str(tmp_path)!r}, sys.argv[2]).write_text(' '.join(sys.argv[1:]))"
    program += "; sys.exit(1)"
    monkeypatch.setattr(warmup, "_COMPILE", program)
    monkeypatch.setattr(warmup, "needs_compiling", lambda: True)
    monkeypatch.setattr(warmup.os, "sched_getaffinity", lambda _: {0, 1})
    warmup.warm_up()
    told = [path.read_text().split() for path in sorted(tmp_path.iterdir())]
    assert {root for root, *_ in told} == {str(CACHE_DIR.parent)}
    assert sorted(kind for _, *kinds in told for kind in kinds) == ["conn", "dns", "http"]
