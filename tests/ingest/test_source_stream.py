"""The parts of a log are read oldest first, and an older one once more before a newer one is."""

from __future__ import annotations

from pathlib import Path

from ingest.follow.paths import LogName
from ingest.follow.stream import Stream
from ingest.follow.tail import Tail


def _tail(serial: int, *, ready: bool) -> Tail:
    tail = Tail(serial, LogName("conn", live=False), Path(f"conn.log.{9 - serial}"), (1, serial))
    tail.ready = ready
    return tail


def _read_in_order(stream: Stream) -> list[int]:
    read = []
    while tail := stream.oldest_ready():
        read.append(tail.serial)
        tail.ready = False
    return read


def test_the_oldest_part_comes_first() -> None:
    stream = Stream([_tail(serial, ready=serial in (3, 1, 4)) for serial in (4, 0, 3, 1, 2)])
    assert _read_in_order(stream) == [1, 3, 4]
    assert _read_in_order(stream) == []


def test_the_parts_before_the_newest_are_looked_at_with_it() -> None:
    """No event may have told what a writer put at the end of a log that was just renamed."""
    tails = [_tail(serial, ready=False) for serial in range(5)]
    stream = Stream(tails)
    stream.wake(tails[4])
    assert _read_in_order(stream) == [2, 3, 4]


def test_a_part_that_has_grown_is_read_however_old_it_is() -> None:
    tails = [_tail(serial, ready=False) for serial in range(5)]
    stream = Stream(tails)
    stream.wake(tails[0])
    assert _read_in_order(stream) == [0, 2, 3, 4]


def test_what_is_finished_or_gone_is_not_looked_at() -> None:
    tails = [_tail(serial, ready=False) for serial in range(3)]
    tails[1].finished, tails[2].carried = True, False
    stream = Stream(tails)
    stream.wake()
    assert _read_in_order(stream) == [0]


def test_the_clock_is_that_of_the_newest_record() -> None:
    tails = [_tail(serial, ready=False) for serial in range(3)]
    tails[1].clock = 17.0
    assert Stream(tails).clock == 17.0
