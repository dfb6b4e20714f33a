"""After the warm-up, live records in any shape are scored without compiling anything."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from api.pipeline import warmup
from online_models.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# In a process of its own: what other tests have compiled is not there.
PROGRAM = """
import sys
from pathlib import Path

import polars as pl
from numba.core.dispatcher import Dispatcher

from api.pipeline.pieces import in_one_piece
from api.pipeline.warmup import warm_up
from ingest.records import SCHEMAS, RecordBatch
from ingest.follow.replay import ReplaySource
from ingest.simulator import SimulatorConfig, simulate
from online_models.config import ModelConfig
from online_models.engine import Engine
from online_models.kinds import KINDS

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
for kind in KINDS:
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


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], list[str]]:
    """Return a function that warms up from nothing, with processes that run this program, and tells what they did."""
    monkeypatch.setattr(warmup, "CACHE_DIR", tmp_path)
    monkeypatch.setattr(warmup.decoders, "CACHE_DIR", tmp_path)

    def warm_up(program: str) -> list[str]:
        told = tmp_path / "told"
        told.mkdir()
        monkeypatch.setattr(warmup, "_COMPILE", PROLOGUE.format(told=str(told)) + program)
        warmup.warm_up(with_feedback=True)
        return sorted(path.name for path in told.iterdir())

    return warm_up


PROLOGUE = """
import pathlib, sys
def note(line):
    pathlib.Path({told!r}, line.strip()).touch()
"""
TASKS = sorted(["loop", *KINDS, "tsv", "json", "macs", "feedback"])


def test_each_task_is_done_once_in_a_process_beside(asked: Callable[[str], list[str]]) -> None:
    assert warmup.needs_compiling()
    assert asked("for line in sys.stdin: note(line); print(flush=True)") == TASKS
    assert not warmup.needs_compiling()


def test_a_process_that_dies_harms_nothing(asked: Callable[[str], list[str]], tmp_path: Path) -> None:
    """The process that asked compiles what live records need, and feedback's part is tried again at the next start."""
    assert 1 <= len(asked("note(sys.stdin.readline()); sys.exit(1)")) <= len(TASKS)
    assert not warmup.needs_compiling()
    assert not list(tmp_path.glob("feedback*"))


def test_where_no_process_can_be_started_nobody_waits_for_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The rest of the start then compiles what it uses."""
    monkeypatch.setattr(warmup, "CACHE_DIR", tmp_path)
    monkeypatch.setattr(warmup.decoders, "CACHE_DIR", tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "forbidden"))
    warmup.have_compiled(with_feedback=True)
    assert "no process can be started to compile in" in caplog.text
    assert warmup.needs_compiling()


def test_a_compiler_that_does_not_answer_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(warmup, "CACHE_DIR", tmp_path)
    monkeypatch.setattr(warmup.decoders, "CACHE_DIR", tmp_path)
    monkeypatch.setattr(warmup, "_COMPILE", "import signal; signal.pause()")
    monkeypatch.setattr(warmup, "_LONGEST_TASK_S", 0.2)
    warmup.have_compiled()
    assert warmup.needs_compiling()
