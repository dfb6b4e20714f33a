"""What the reader says about itself and the sensor: lag, counts, trouble, oddities."""

from __future__ import annotations

import gzip
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ingest.decode.decoder import LogDecoder
from ingest.follow.source import FollowSource

if TYPE_CHECKING:
    from collections.abc import Iterator

HOUR = 3600.0
NOW = 1_800_000_000.0
NOBODY = 65534


class Clock:
    """Epoch seconds that the test sets."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def conn(ts: float, duration: float = 0.0) -> bytes:
    return (
        b'{"ts":%.3f,"uid":"U1","id.orig_h":"10.0.0.5","id.resp_h":"10.0.0.9","proto":"tcp","duration":%.3f,"conn_state":"SF"}\n'
        % (
            ts,
            duration,
        )
    )


def append(path: Path, data: bytes, written: float) -> None:
    with path.open("ab") as file:
        file.write(data)
    os.utime(path, (written, written))


def follow(folder: Path, clock: Clock) -> FollowSource:
    return FollowSource(folder, wall_clock=clock, scan_interval_s=0.0, gather_s=0.0, watch=False, silence_s=600.0)


def test_a_healthy_sensor_has_no_trouble(tmp_path: Path) -> None:
    """A connection's line is written at its end: its start may be hours ago."""
    clock = Clock(NOW)
    append(tmp_path / "conn.log", conn(NOW - 5 * HOUR, 5 * HOUR), NOW)
    with follow(tmp_path, clock) as source:
        source.poll(0.0)
        health = source.health()
    assert (health.files, health.records, health.malformed) == (1, {"conn": 1}, 0)
    assert (health.lag_bytes, health.lag_records, health.lag_seconds) == (0, 0, 0.0)
    assert health.troubles == health.oddities == ()


def test_a_silent_sensor_is_told_until_it_speaks(tmp_path: Path) -> None:
    clock = Clock(NOW)
    with follow(tmp_path, clock) as source:
        clock.now += 599
        assert source.health().troubles == ()
        clock.now += 61
        assert source.health().troubles == (
            "stale: no new record for 11 min; is the sensor running, and writing here?",
        )
        append(tmp_path / "conn.log", conn(clock.now), clock.now)
        source.poll(0.0)
        assert source.health().troubles == ()


@pytest.mark.parametrize(("off_h", "told"), [(3.0, "3.0 h ahead of"), (-7.5, "7.5 h behind"), (0.5, ""), (-0.5, "")])
def test_a_clock_that_is_hours_off_is_told(tmp_path: Path, off_h: float, told: str) -> None:
    clock = Clock(NOW)
    append(tmp_path / "conn.log", conn(NOW + off_h * HOUR), NOW)
    with follow(tmp_path, clock) as source:
        source.poll(0.0)
        assert source.health().troubles == ()
        clock.now += 30.0
        append(tmp_path / "conn.log", conn(clock.now + off_h * HOUR), clock.now)
        source.poll(0.0)
        troubles = source.health().troubles
    assert troubles == ((f"the times in conn are {told} the clock of this machine",) if told else ())


def test_a_backlog_says_nothing_about_the_clock(tmp_path: Path) -> None:
    append(tmp_path / "conn.log", b"".join(conn(NOW - 20_000 + n) for n in range(20_001)), NOW)
    with follow(tmp_path, Clock(NOW)) as source:
        while source.poll(0.0):
            assert source.health().troubles == ()


def test_a_line_that_is_not_analysed_is_a_sign_of_life(tmp_path: Path) -> None:
    clock = Clock(NOW)
    with follow(tmp_path, clock) as source:
        clock.now += 700
        append(tmp_path / "files.log", b'{"ts":1.5,"fingerprint":"ab"}\n', clock.now)
        source.poll(0.0)
        assert source.health().troubles == ()


def test_a_folder_that_is_away_is_told_until_it_returns(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    append(folder / "conn.log", conn(NOW), NOW)
    with follow(folder, Clock(NOW)) as source:
        folder.rename(tmp_path / "away")
        source.poll(0.0)
        (oddity,) = source.health().oddities
        assert oddity.startswith(f"{folder} cannot be listed: [Errno 2]")
        (tmp_path / "away").rename(folder)
        source.poll(0.0)
        assert source.health().oddities == ()


def test_hours_of_a_log_that_are_put_there_at_once_say_nothing_about_the_clock(tmp_path: Path) -> None:
    clock = Clock(NOW)
    append(tmp_path / "conn.log", conn(NOW - 20 * HOUR) + conn(NOW - 10 * HOUR), NOW)
    with follow(tmp_path, clock) as source:
        source.poll(0.0)
        clock.now += 30.0
        append(tmp_path / "conn.log", conn(clock.now), clock.now)
        source.poll(0.0)
        assert source.health().troubles == ()


def test_an_old_log_says_nothing_about_the_clock(tmp_path: Path) -> None:
    append(tmp_path / "conn.log", conn(NOW - 100 * HOUR), NOW - 100 * HOUR)
    with follow(tmp_path, Clock(NOW)) as source:
        source.poll(0.0)
        assert source.health().troubles == ()


@pytest.mark.parametrize(("lost", "told"), [(0.2, False), (12.5, True)])
def test_packets_that_the_sensor_loses_are_told(tmp_path: Path, lost: float, *, told: bool) -> None:
    line = b'{"ts":%.1f,"ts_delta":900.0,"peer":"zeek","gaps":5,"acks":40,"percent_lost":%.1f}\n' % (NOW, lost)
    append(tmp_path / "capture_loss.log", line, NOW)
    with follow(tmp_path, Clock(NOW)) as source:
        source.poll(0.0)
        troubles = source.health().troubles
    assert troubles == ((f"the sensor loses packets: {lost} % in the last report of capture_loss.log",) if told else ())


def stats(packets: int, drops: int) -> bytes:
    """Return Suricata's report of what its live capture counted since its start."""
    counts = b'{"kernel_packets":%d,"kernel_drops":%d}' % (packets, drops)
    return b'{"timestamp":"2027-01-15T08:00:00.000000+0000","event_type":"stats","stats":{"capture":%s}}\n' % counts


@pytest.mark.parametrize(
    ("reports", "percent"),
    [
        ([(1000, 500)], None),
        ([(1000, 500), (2000, 505)], None),
        ([(1000, 0), (2000, 125)], 12.5),
        ([(1000, 0), (2000, 125), (3000, 125)], None),
        ([(1000, 500), (400, 8)], 2.0),
        ([(1000, 500), (1000, 500)], None),
    ],
)
def test_packets_that_suricata_loses_are_told(
    tmp_path: Path, reports: list[tuple[int, int]], percent: float | None
) -> None:
    """Between two reports; the counts begin anew with Suricata."""
    with follow(tmp_path, Clock(NOW)) as source:
        for report in reports:
            append(tmp_path / "eve.json", stats(*report), NOW)
            source.poll(0.0)
        health = source.health()
    told = f"the sensor loses packets: {percent} % between the last two stats events in eve"
    assert health.troubles == (() if percent is None else (told,))
    assert (health.records, health.malformed) == ({"suricata_stats": len(reports)}, 0)


def test_suricata_that_reads_a_file_loses_nothing(tmp_path: Path) -> None:
    event = b'{"timestamp":"2027-01-15T08:00:00.000000+0000","event_type":"stats","stats":{"uptime":8}}\n'
    append(tmp_path / "eve.json", 2 * event, NOW)
    with follow(tmp_path, Clock(NOW)) as source:
        source.poll(0.0)
        assert (source.health().troubles, source.health().skipped) == ((), {"suricata_stats": 2})


def test_every_line_is_accounted_for(tmp_path: Path) -> None:
    append(tmp_path / "conn.log", conn(NOW) + b"{broken\n" + conn(NOW), NOW)
    append(tmp_path / "files.log", b'{"ts":1.5,"fingerprint":"ab"}\n' * 3, NOW)
    with follow(tmp_path, Clock(NOW)) as source:
        source.poll(0.0)
        health = source.health()
    assert (health.records, health.skipped, health.malformed) == ({"conn": 2}, {"files": 3}, 1)
    assert health.malformed_by_cause == {"not_json": 1}
    (sample,) = health.malformed_samples
    assert (Path(sample.source).name, sample.offset, sample.sample) == ("conn.log", len(conn(NOW)), "{broken")


@pytest.mark.parametrize("removed", [False, True])
def test_half_a_line_that_is_cut_between_two_looks_is_told(tmp_path: Path, *, removed: bool) -> None:
    log = tmp_path / "conn.log"
    log.write_bytes(conn(NOW) + conn(NOW)[:20])
    with follow(tmp_path, Clock(NOW)) as source:
        assert sum(map(len, source.poll(0.0))) == 1
        os.truncate(log, 0)
        if removed:
            log.unlink()
        source.poll(0.0)
        assert source.health().malformed_by_cause == {"cut_off": 1}


def test_the_lag_of_a_packed_log_shrinks_while_it_is_read(tmp_path: Path) -> None:
    """It counts packed bytes, and is zero only when all is read."""
    day = tmp_path / "2026-01-29"
    day.mkdir()
    packed = gzip.compress(b"".join(conn(NOW - 9000 + n, n % 7 / 3) for n in range(60_000)))
    append(day / "conn.00:00:00-01:00:00.log.gz", packed, NOW - 60)
    live = tmp_path / "current"
    live.mkdir()
    clock = Clock(NOW)
    lags, read = [], 0
    with FollowSource(live, wall_clock=clock, catch_up_since=0.0, watch=False, max_poll_bytes=1 << 18) as source:
        while batches := source.poll(0.0):
            read += sum(map(len, batches))
            lags.append((read, source.health().lag_bytes))
        assert source.health().lag_bytes == 0
    assert read == 60_000
    assert all(lag > 0 for count, lag in lags if count < 60_000)
    assert [lag for _, lag in lags] == sorted((lag for _, lag in lags), reverse=True)
    assert len({lag for _, lag in lags}) > 3


def test_the_lag_in_log_time_is_that_of_the_worst_log(tmp_path: Path) -> None:
    append(tmp_path / "conn.log", b"".join(conn(NOW + n) for n in range(2000)), NOW)
    with follow(tmp_path, Clock(NOW)) as source:
        assert source.health().lag_seconds == 1999
        while source.poll(0.0):
            pass
        assert source.health().lag_seconds == 0


@pytest.fixture
def somebody_else() -> Iterator[None]:
    """Act as a user with few rights where the tests run as the superuser, who may read everything."""
    LogDecoder("conn.log").feed(conn(NOW))  # loads the compiled loops, which only the superuser may read
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    yield
    os.seteuid(user)


@pytest.mark.usefixtures("somebody_else")
def test_a_file_that_may_not_be_read_is_told_and_the_others_are_read() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        append(folder / "conn.log", conn(NOW), NOW)
        append(folder / "dns.log", b"x\n", NOW)
        (folder / "dns.log").chmod(0)
        with follow(folder, Clock(NOW)) as source:
            assert sum(map(len, source.poll(0.0))) == 1
            (oddity,) = source.health().oddities
            assert oddity.startswith(
                f"{folder}/dns.log cannot be read: this user may not read it; give the right to read it"
            )
            (folder / "dns.log").chmod(0o600)
            source.poll(0.0)
            assert source.health().oddities == ()


def test_what_is_no_regular_file_is_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "dns.log")
    (tmp_path / "http.log").mkdir()
    (tmp_path / "ssl.log").symlink_to("nowhere")
    append(tmp_path / "conn.log", conn(NOW), NOW)
    with follow(tmp_path, Clock(NOW)) as source:
        assert sum(map(len, source.poll(0.0))) == 1
        assert source.health().files == 1
