"""Decisions are stored exactly once, whenever the process is killed, and survive."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from prevention.decisions import Decision, Step, decision_id
from prevention.errors import DecisionStoreError, NoDecisionError
from prevention.store import DecisionStore, Filter
from prevention.targets import peer_target

if TYPE_CHECKING:
    from pathlib import Path

WRITER = """
import sys
from pathlib import Path
from prevention.decisions import Decision, Step, decision_id
from prevention.store import DecisionStore
from prevention.targets import peer_target
store = DecisionStore(Path(sys.argv[1]))
for number in range(10_000):
    made = Decision(decision_id(str(number)), peer_target(f"198.51.{number // 250}.{number % 250}"), "block", "active",
                    "enforce", 1.0, 601.0)
    store.add(made, "made")
    if number % 2:
        if store.get(made.id).state == "active":
            store.move(made.id, "revoked", Step(2.0, "ann", "back"))
    print(number, flush=True)
"""


def made(number: int, state: str = "active") -> Decision:
    return Decision(
        decision_id(str(number)),
        peer_target(f"198.51.100.{number}"),
        "block",
        state,
        "enforce",
        float(number),
        600.0 + number,
    )  # type: ignore[arg-type] # a state


def test_killed_at_any_moment_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    path, chance, told = tmp_path / "d.sqlite", random.Random(18), -1
    for _ in range(6):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            until = told + chance.randrange(1, 120)
            for line in writer.stdout:
                told = max(told, int(line))
                if told >= until:
                    os.kill(writer.pid, signal.SIGKILL)
                    break
    store = DecisionStore(path)
    for number in range(told + 1):
        steps = [change.after for change in store.history(decision_id(str(number)))]
        assert steps == (["active", "revoked"] if number % 2 else ["active"])
    assert len(store.find(Filter(limit=100_000))) in {told + 1, told + 2}
    store.close()


def test_a_step_is_done_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    store = DecisionStore(tmp_path / "d.sqlite")

    def half_a_step() -> None:
        with store.transaction():
            store.add(made(1), "made")
            with store.transaction():
                store.add(made(2), "made")
            raise KeyError

    with pytest.raises(KeyError):
        half_a_step()
    assert store.find(Filter()) == []
    assert store.add(made(1), "made")
    assert not store.add(made(1, "observed"), "made")
    store.close()


def test_lists_are_paged_newest_first(tmp_path: Path) -> None:
    store = DecisionStore(tmp_path / "d.sqlite")
    for number in range(5):
        store.add(made(number), "made")
    first = store.find(Filter(limit=2))
    rest = store.find(Filter(limit=9, before=(first[-1].made_at, first[-1].id)))
    assert [d.made_at for d in first + rest] == [4, 3, 2, 1, 0]
    assert store.find(Filter(states=("revoked",))) == []
    assert [d.made_at for d in store.find(Filter(since=3.0))] == [4, 3]
    store.close()


def test_the_revision_grows_with_every_change(tmp_path: Path) -> None:
    store = DecisionStore(tmp_path / "d.sqlite")
    store.add(made(1), "made")
    before = store.revision
    store.add(made(1), "again")
    assert store.revision == before
    store.move(made(1).id, "revoked", Step(2.0, "ann", "back"))
    assert store.revision == before + 1
    store.close()


def test_what_ended_long_ago_is_forgotten(tmp_path: Path) -> None:
    store = DecisionStore(tmp_path / "d.sqlite")
    for number in range(4):
        store.add(made(number, "expired" if number < 2 else "active"), "made")
    assert store.forget(before=601.0) == 1
    assert store.history(made(0).id) == []
    with pytest.raises(NoDecisionError, match="no decision"):
        store.get(made(0).id)
    store.close()


def test_a_file_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "d.sqlite"
    path.write_bytes(b"something else" * 100)
    with pytest.raises(DecisionStoreError, match="move the file away"):
        DecisionStore(path)
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE mine (a)")
    connection.close()
    with pytest.raises(DecisionStoreError, match="expected version"):
        DecisionStore(other)
