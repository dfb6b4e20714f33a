"""A checkpoint is whole or it is not used; the one before it then is."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import CheckpointError
from ingest.follow.checkpoints import CheckpointStore

WRITE_FOR_EVER = """
import sys
from pathlib import Path
from ingest.follow.checkpoints import CheckpointStore
store = CheckpointStore(Path(sys.argv[1]), fingerprint="1")
number = 0
while True:
    number += 1
    store.save({"number": b"%d" % number, "again": b"%d" % number * 20_000})
    print(number, flush=True)
"""


def _stored(folder: Path) -> list[Path]:
    return sorted(folder.glob("checkpoint-*.bin"))


def _store(folder: Path, fingerprint: str = "1") -> CheckpointStore:
    return CheckpointStore(folder, fingerprint=fingerprint)


def test_there_is_none_at_first(tmp_path: Path) -> None:
    assert _store(tmp_path / "new" / "state").load() is None


@settings(deadline=None)
@given(parts=st.dictionaries(st.text(min_size=1), st.binary(max_size=300), max_size=5))
def test_what_was_saved_is_loaded(tmp_path_factory: pytest.TempPathFactory, parts: dict[str, bytes]) -> None:
    folder = tmp_path_factory.mktemp("state")
    _store(folder).save(parts)
    assert _store(folder).load() == parts


def test_the_newest_counts_and_the_one_before_it_is_kept(tmp_path: Path) -> None:
    for number in range(12):
        _store(tmp_path).save({"n": b"%d" % number})
    assert _store(tmp_path).load() == {"n": b"11"}
    assert len(_stored(tmp_path)) == 2
    assert oct(_stored(tmp_path)[0].stat().st_mode & 0o777) == "0o600"


@pytest.mark.parametrize("kept", [0, 1, 25, 60, -1])
def test_a_cut_checkpoint_is_passed_over_and_told(tmp_path: Path, kept: int) -> None:
    store = _store(tmp_path)
    store.save({"n": b"old"})
    store.save({"n": b"new"})
    newest = _stored(tmp_path)[-1]
    newest.write_bytes(newest.read_bytes()[:kept])
    assert store.load() == {"n": b"old"}
    assert store.damaged == [f"{newest} is damaged (its digest does not match)"]


def test_any_flipped_bit_is_noticed(tmp_path: Path) -> None:
    store = _store(tmp_path)
    store.save({"n": b"old"})
    store.save({"n": b"new"})
    newest = _stored(tmp_path)[-1]
    good = newest.read_bytes()
    for position in range(len(good)):
        bad = bytearray(good)
        bad[position] ^= 1
        newest.write_bytes(bad)
        assert store.load() == {"n": b"old"}
    newest.write_bytes(good)
    assert store.load() == {"n": b"new"}
    assert store.damaged == []


def test_after_a_damaged_one_the_next_is_saved_and_loaded(tmp_path: Path) -> None:
    store = _store(tmp_path)
    for content in (b"1", b"2"):
        store.save({"n": content})
    _stored(tmp_path)[-1].write_bytes(b"")
    store.save({"n": b"3"})
    assert store.load() == {"n": b"3"}


def test_nothing_but_damage_is_refused(tmp_path: Path) -> None:
    store = _store(tmp_path)
    store.save({"n": b"1"})
    _stored(tmp_path)[0].write_bytes(b"nonsense")
    with pytest.raises(CheckpointError, match=r"no checkpoint can be used: .* is damaged .*; move the folder away"):
        store.load()


def test_the_state_of_another_configuration_is_refused_with_what_to_do(tmp_path: Path) -> None:
    _store(tmp_path, "0.1.0 abc").save({"n": b"1"})
    told = r"belongs to '0.1.0 abc', this is '0.2.0 abc'; go on with the version .* or move .* away to start anew"
    with pytest.raises(CheckpointError, match=told):
        _store(tmp_path, "0.2.0 abc").load()
    assert _store(tmp_path, "0.1.0 abc").load() == {"n": b"1"}


def test_what_an_interrupted_save_left_is_ignored_and_removed(tmp_path: Path) -> None:
    store = _store(tmp_path)
    store.save({"n": b"1"})
    left = tmp_path / "checkpoint-000000000002.new"
    left.write_bytes(b"half")
    assert store.load() == {"n": b"1"}
    store.save({"n": b"2"})
    assert not left.exists()
    assert store.load() == {"n": b"2"}


def test_a_checkpoint_that_cannot_be_written_leaves_the_others(tmp_path: Path) -> None:
    store = _store(tmp_path)
    store.save({"n": b"1"})
    (tmp_path / "checkpoint-000000000002.new").mkdir()
    with pytest.raises(CheckpointError, match=r"cannot be written: .*; make room or name another folder"):
        store.save({"n": b"2"})
    assert store.load() == {"n": b"1"}


def test_a_checkpoint_counts_once_it_is_committed_and_is_as_it_was_when_it_was_staged(tmp_path: Path) -> None:
    store, models = _store(tmp_path), bytearray(b"x" * 3_000_000)
    store.save({"n": b"1"})
    staged = store.stage({"n": b"2", "models": [b"begin", memoryview(models), b"end"], "last": b"3"})
    expected = bytes(models)
    models[:] = b"y" * len(models)
    assert store.load() == {"n": b"1"}
    staged.commit()
    assert store.load() == {"n": b"2", "models": b"begin" + expected + b"end", "last": b"3"}
    assert b"".join(staged.read("models")) == b"begin" + expected + b"end"
    assert b"".join(staged.read("last")) == b"3"


def test_a_checkpoint_that_is_never_committed_makes_way_for_the_next(tmp_path: Path) -> None:
    store = _store(tmp_path)
    store.stage({"n": b"a long one that is forgotten"})
    assert store.load() is None
    store.save({"n": b"2"})
    assert store.load() == {"n": b"2"}


def test_a_state_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match=r"cannot be made: .*; name another one"):
        _store(tmp_path / "file" / "state")


def test_a_process_killed_at_any_moment_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    """What was reported as saved is there, or something newer, and its parts belong together."""
    root = Path(__file__).parents[2]
    for moment in range(15):
        with subprocess.Popen(
            [sys.executable, "-c", WRITE_FOR_EVER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=root
        ) as process:
            assert process.stdout is not None
            reported = int(process.stdout.readline())
            time.sleep(moment * 0.003)
            process.send_signal(signal.SIGKILL)
        parts = _store(tmp_path).load()
        assert parts is not None
        assert int(parts["number"]) >= reported
        assert parts["again"] == parts["number"] * 20_000
