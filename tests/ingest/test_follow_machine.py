"""Random sequences of writing, rotating, cutting, removing, reading, crashing and restarting, against what was written.

The model knows every record that was written. A record may be missing only if its last copy left the disk before it
was read (or, after a crash, before the checkpoint that the reader went back to): nobody could still read it. No record
may ever come twice, and the records of the stream come in the order in which they were written.
"""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from ingest.follow.source import FollowSource

if TYPE_CHECKING:
    from tests.ingest.conftest import LogWriter


class FollowMachine(RuleBasedStateMachine):
    """The reader against the model."""

    writer_class: type[LogWriter]

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="nslabs-follow-"))
        self.folder = self.root / "logs"
        self.folder.mkdir()
        self.now = 0.0
        self.taken: list[int] = []
        self.saved: tuple[Any, list[int]] = (None, [])

    @initialize(
        style=st.sampled_from(["date", "dateext", "dash", "zeekctl", "corelight", "archiver", "numbers"]),
        tsv=st.booleans(),
        appends=st.booleans(),
        poll_bytes=st.sampled_from([2048, 16384, 1 << 20]),
        below=st.sampled_from(["", "current", "eth1"]),
    )
    def start(self, style: str, *, tsv: bool, appends: bool, poll_bytes: int, below: str = "") -> None:
        """Choose a format, a way of rotating, how much is read at a time, and the subfolder that the logs are in."""
        self.followed = self.folder
        self.folder /= below
        self.folder.mkdir(exist_ok=True)
        self.log = self.writer_class(self.folder, style, tsv=tsv, appends=appends)
        self.log.archive = self.root / "archive"
        self.poll_bytes = poll_bytes
        self.source = self._open(None)
        self.checkpoint()

    @rule(count=st.integers(0, 40), keep_back=st.integers(0, 250))
    def write(self, count: int, keep_back: int) -> None:
        """Write some records, the last one perhaps in part, cut anywhere."""
        self.log.write(count, keep_back)

    @rule(polls=st.integers(1, 3))
    def read(self, polls: int) -> None:
        """Read once or more; with small polls, not all there is."""
        for _ in range(polls):
            self._poll()

    @rule(seconds=st.sampled_from([0.5, 3.0, 61.0]))
    def wait(self, seconds: float) -> None:
        """Let time pass for the reader."""
        self.now += seconds

    @rule(late=st.booleans())
    def rotate_by_rename(self, *, late: bool) -> None:
        """Rename the log; a writer that is told late ends its line in the renamed file."""
        if not self.log.live.exists():
            return
        if not late:
            self.log.finish_line()
        self.log.live.rename(self.log.next_name())
        self.log.stop_writing()

    @rule(look=st.sampled_from(["no", "half", "whole"]))
    def rotate_by_copy_and_truncate(self, look: str) -> None:
        """Copy the log and cut it; the reader may look while the copy is made."""
        if not self.log.live.exists():
            return
        self.log.finish_line()
        target = self.log.next_name()
        content = self.log.live.read_bytes()
        if look == "half":
            target.write_bytes(content[: len(content) // 2])
            self._poll()
        target.write_bytes(content)
        if look == "whole":
            self._poll()
        os.truncate(self.log.live, 0)
        self.log.begin_file()

    @rule()
    def restart_sensor(self) -> None:
        """Cut the log in place, as Zeek does when it starts."""
        self.log.stop_writing()
        with _Destroying(self):
            if self.log.live.exists():
                os.truncate(self.log.live, 0)

    @rule()
    def remove_and_create_anew(self) -> None:
        """Remove the log and write a new one of the same name."""
        self.log.stop_writing()
        with _Destroying(self):
            self.log.live.unlink(missing_ok=True)
        self.log.write(1, 0)

    @rule(data=st.data())
    def remove_rotated(self, data: st.DataObject) -> None:
        """Remove a rotated log, read or not."""
        if paths := self.log.parts:
            path = data.draw(st.sampled_from(paths))
            with _Destroying(self):
                path.unlink()
            self.log.parts.remove(path)

    @rule(data=st.data(), look=st.booleans())
    def pack_rotated(self, data: st.DataObject, *, look: bool) -> None:
        """Pack a rotated log in place; the reader may look while both are there."""
        if paths := self.log.unpacked():
            path = data.draw(st.sampled_from(paths))
            packed = path.with_name(path.name + ".gz")
            self._pack(path, packed, look=look)
            self.log.parts[self.log.parts.index(path)] = packed

    @rule(look=st.booleans())
    def archive_oldest(self, *, look: bool) -> None:
        """Move the oldest rotated log into the archive, packed, as zeekctl does; the reader looks first."""
        if self.log.unpacked() == self.log.parts != [] and self.folder.name != "eth1":
            path = self.log.parts.pop(0)
            self._poll()
            day = self.log.archive / "2026-01-29"
            day.mkdir(parents=True, exist_ok=True)
            hour = len(list(day.iterdir()))
            self._pack(path, day / f"conn.{hour:02}:00:00-{hour:02}:59:59.log.gz", look=look)

    @rule()
    def folder_goes_and_returns(self) -> None:
        """Take the whole folder away while the reader looks."""
        away = self.root / "away"
        self.folder.rename(away)
        self._poll()
        away.rename(self.folder)

    @rule()
    def checkpoint(self) -> None:
        """Keep the positions, and what was handed out up to them."""
        self.saved = (self.source.positions(), list(self.taken))

    @rule()
    def crash_and_restart(self) -> None:
        """Start again from the last checkpoint; what left the disk since then cannot come again."""
        self.source.close()
        positions, self.taken = self.saved[0], list(self.saved[1])
        self.log.lost |= set(self.log.written) - self.log.on_disk() - set(self.taken)
        self.log.lost -= {n for n, _ in self.log.unfinished}
        self.source = self._open(positions)

    @precondition(lambda self: len(self.log.written) > 0)
    @rule()
    def catch_up(self) -> None:
        """Whatever is on the disk was handed out after enough polls."""
        self._read_all()
        self._check()

    def teardown(self) -> None:
        """Read all that is left, and compare."""
        if hasattr(self, "log"):
            self._read_all()
            self._check()
            self.source.close()
            self.log.stop_writing()
        shutil.rmtree(self.root)

    def _open(self, positions: Any) -> FollowSource:
        return FollowSource(
            self.followed,
            positions=positions,
            archive=self.log.archive,
            scan_interval_s=0.0,
            max_poll_bytes=self.poll_bytes,
            gather_s=0.0,
            watch=False,
            clock=lambda: self.now,
        )

    def _poll(self) -> int:
        records = [uid for batch in self.source.poll(0.0) for uid in batch.frame["uid"].to_list()]
        self.taken += [int(uid[1:]) for uid in records]
        return len(records)

    def _read_all(self) -> None:
        self.now += 3.0
        idle = 0
        while idle < 4:
            idle = 0 if self._poll() else idle + 1
            self.now += 1.0

    def _check(self) -> None:
        self.log.finish_line()
        for _ in range(4):
            self._read_all()
        assert len(self.taken) == len(set(self.taken)), f"some come twice: {sorted(self.taken)}"
        missing = set(self.log.written) - set(self.taken) - self.log.lost
        assert not missing, f"missing: {sorted(missing)}"
        assert self.taken == sorted(self.taken), f"out of order: {self.taken}"

    def _pack(self, path: Path, target: Path, *, look: bool) -> None:
        target.write_bytes(gzip.compress(path.read_bytes()))
        times = path.stat()
        os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))
        if look:
            self._poll()
        path.unlink()


class _Destroying:
    """Notes which records were not read yet when their last copy left the disk."""

    def __init__(self, machine: FollowMachine) -> None:
        self._machine = machine

    def __enter__(self) -> None:
        self._before = self._machine.log.on_disk()

    def __exit__(self, *_: object) -> None:
        gone = self._before - self._machine.log.on_disk()
        self._machine.log.lost |= gone - set(self._machine.taken)


def _machine(writer: type[LogWriter]) -> type[FollowMachine]:
    return type("FollowMachine", (FollowMachine,), {"writer_class": writer})


def _backlog_and_half_a_copy(writer: type[LogWriter]) -> FollowMachine:
    """Return a machine that has not read one part yet, saw half a copy of the next, which was then cut."""
    machine = _machine(writer)()
    machine.start(style="date", tsv=False, appends=False, poll_bytes=2048)
    machine.write(count=21, keep_back=0)
    machine.rotate_by_copy_and_truncate(look="no")
    machine.write(count=1, keep_back=0)
    machine.rotate_by_copy_and_truncate(look="half")
    return machine


def test_an_unread_log_that_was_cut_and_removed_is_read_from_its_copy(log_writer: type[LogWriter]) -> None:
    machine = _backlog_and_half_a_copy(log_writer)
    machine.remove_and_create_anew()
    machine.archive_oldest(look=False)
    machine.archive_oldest(look=False)
    machine.catch_up()
    machine.teardown()


def test_an_unread_log_that_was_cut_and_removed_is_read_before_the_next(log_writer: type[LogWriter]) -> None:
    machine = _backlog_and_half_a_copy(log_writer)
    machine.folder_goes_and_returns()
    machine.remove_and_create_anew()
    machine.archive_oldest(look=False)
    machine.folder_goes_and_returns()
    machine.teardown()


def test_an_unread_log_that_was_cut_and_removed_is_kept_when_its_copy_is_removed(log_writer: type[LogWriter]) -> None:
    machine = _backlog_and_half_a_copy(log_writer)
    machine.remove_and_create_anew()
    machine.read(polls=1)
    assert 20 not in machine.taken
    machine.log.parts.pop().unlink()
    machine.catch_up()
    machine.teardown()


def test_a_subfolder_that_is_away_when_one_looks_around_is_followed_when_it_is_back(
    log_writer: type[LogWriter],
) -> None:
    machine = _machine(log_writer)()
    machine.start(style="date", tsv=False, appends=False, poll_bytes=2048, below="current")
    for seconds in (61.0, 0.0):
        machine.remove_and_create_anew()
        machine.rotate_by_rename(late=False)
        machine.archive_oldest(look=False)
        machine.wait(seconds)
        machine.folder_goes_and_returns()
    machine.teardown()


def _settings(examples: int, steps: int) -> settings:
    slow = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    return settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=slow, print_blob=True
    )


def test_nothing_is_lost_and_nothing_comes_twice(log_writer: type[LogWriter]) -> None:
    run_state_machine_as_test(_machine(log_writer), settings=_settings(80, 30))


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_nothing_is_lost_and_nothing_comes_twice_in_ten_thousand_sequences(log_writer: type[LogWriter]) -> None:
    run_state_machine_as_test(_machine(log_writer), settings=_settings(10_000, 40))
