"""Tells trouble with the sensor itself: silence, packets it lost, a clock that is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from ingest.follow.tail import Tail
    from ingest.records import RecordBatch

SILENCE_S: Final = 15 * 60.0
"""Zeek writes something of its own more often than this, even where no device speaks."""

CLOCK_OFF_S: Final = 3600.0
LOSS_PERCENT: Final = 1.0
_FRESH_S: Final = 60.0
_AGAIN_S: Final = 5.0
"""Times must be off once more after so long: a log of hours that is put there at once says nothing about the clock."""
_REPORTED_S: Final = 3600.0
"""An error that Zeek reported counts as trouble for so long, by the time it was logged."""

_MESSAGE: Final = 200
_MOST_PEERS: Final = 256


class Sensor:
    """Looks at what passes, and says what is wrong with the sensor that wrote it.

    Parameters
    ----------
    wall_clock
        Gives epoch seconds.
    silence_s
        So long without a record is trouble.
    """

    def __init__(self, wall_clock: Callable[[], float], silence_s: float = SILENCE_S) -> None:
        self._wall_clock = wall_clock
        self._silence_s = silence_s
        self._last_line = wall_clock()
        self._loss_percent: float | None = None
        self._counted: dict[str, tuple[int, int]] = {}
        self._drop_percent: dict[str, float] = {}
        self._zeek_percent: dict[str, float] = {}
        self._reported: tuple[float, str] | None = None
        self._off: dict[str, tuple[float, float]] = {}
        """When times of a stream were off first, and by how much they were at last."""
        self._off_for_long: set[str] = set()

    def note(self, tail: Tail, batches: list[RecordBatch]) -> None:
        """Look at what was just decoded from one file. Lines that are not analysed are a sign of life, too."""
        self._last_line = self._wall_clock()
        for batch in batches:
            if batch.kind == "capture_loss":
                self._note_loss(batch)
            elif batch.kind == "reporter":
                self._note_reports(batch)
            elif batch.kind == "stats":
                self._note_stats(batch)
            elif batch.kind == "suricata_stats":
                self._note_drops(tail.stream, batch)
            elif len(batch) and tail.lines.at_end:
                self._note_clock(tail, batch)

    def troubles(self) -> list[str]:
        """Return one sentence for each trouble that stands at present."""
        found = []
        silent_s = self._wall_clock() - self._last_line
        if silent_s > self._silence_s:
            found.append(f"stale: no new record for {silent_s / 60:.0f} min; is the sensor running, and writing here?")
        if self._loss_percent is not None and self._loss_percent > LOSS_PERCENT:
            found.append(f"the sensor loses packets: {self._loss_percent:.1f} % in the last report of capture_loss.log")
        for stream, percent in sorted(self._drop_percent.items()):
            if percent > LOSS_PERCENT:
                found.append(f"the sensor loses packets: {percent:.1f} % between the last two stats events in {stream}")
        for peer, percent in sorted(self._zeek_percent.items()):
            if percent > LOSS_PERCENT:
                found.append(f"the sensor {peer} drops packets: {percent:.1f} % in its last report of stats.log")
        if self._reported is not None and self._wall_clock() - self._reported[0] < _REPORTED_S:
            found.append(f"Zeek reports an error of its own in reporter.log: {self._reported[1]}")
        for stream in sorted(self._off_for_long):
            off_s = self._off[stream][1]
            way = "ahead of" if off_s > 0 else "behind"
            found.append(f"the times in {stream} are {abs(off_s) / 3600:.1f} h {way} the clock of this machine")
        return found

    def _note_loss(self, batch: RecordBatch) -> None:
        if "percent_lost" in batch.frame.columns:
            losses = batch.frame["percent_lost"].drop_nulls()
            self._loss_percent = float(losses[-1]) if len(losses) else self._loss_percent

    def _note_reports(self, batch: RecordBatch) -> None:
        """Remember the latest error; warnings and information come with everyday life."""
        errors = batch.frame.filter(batch.frame["level"].str.contains("(?i)(error|fatal)"))
        for ts, message in errors.tail(1).select("ts", "message").iter_rows():
            self._reported = (ts or self._wall_clock(), (message or "")[:_MESSAGE])

    def _note_stats(self, batch: RecordBatch) -> None:
        """Take each peer's latest count of what the interface dropped of all that came in the interval."""
        counted = batch.frame.select("peer", "pkts_dropped", "pkts_link", "pkts_proc")
        for peer, dropped, link, processed in counted.iter_rows():
            came = link or (processed or 0) + (dropped or 0)
            known = (peer or "") in self._zeek_percent or len(self._zeek_percent) < _MOST_PEERS
            if known:
                self._zeek_percent[peer or ""] = 100.0 * dropped / came if dropped and came else 0.0

    def _note_drops(self, stream: str, batch: RecordBatch) -> None:
        """Compare each report of one Suricata with the one before it; counts that go back began anew with Suricata."""
        for packets, drops in batch.frame.select("kernel_packets", "kernel_drops").drop_nulls().iter_rows():
            before = self._counted.get(stream)
            self._counted[stream] = packets, drops
            if before is None:
                continue
            since = before if before[0] <= packets and before[1] <= drops else (0, 0)
            seen, lost = packets - since[0], drops - since[1]
            self._drop_percent[stream] = 100.0 * lost / seen if seen else 0.0

    def _note_clock(self, tail: Tail, batch: RecordBatch) -> None:
        """Compare the time of the last record of a file with the clock, if it was written just now."""
        now = self._wall_clock()
        if not tail.live or now - tail.modified_ns / 1e9 > _FRESH_S:
            return
        off_s = newest_write_time(batch.frame) - now
        if abs(off_s) <= CLOCK_OFF_S:
            self._off.pop(tail.stream, None)
            self._off_for_long.discard(tail.stream)
            return
        since = self._off.get(tail.stream, (now, 0.0))[0]
        self._off[tail.stream] = since, off_s
        if now - since >= _AGAIN_S:
            self._off_for_long.add(tail.stream)


def newest_write_time(frame: pl.DataFrame) -> float:
    """Return when the newest record was written: its time, plus its duration where it has one; epoch seconds."""
    times = frame["ts"].to_numpy()
    if "duration" in frame.columns:
        times = times + np.nan_to_num(frame["duration"].to_numpy())
    return float(np.fmax.reduce(times, initial=0.0))


def write_times(frame: pl.DataFrame) -> pl.Series:
    """Return when each record was written, as far as it says: a connection's line is written at its end."""
    if "duration" not in frame.columns:
        return frame["ts"]
    return frame["ts"] + frame["duration"].fill_null(0.0)
