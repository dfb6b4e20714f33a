"""Joins Zeek and Suricata: a connection that both told of is handed out once.

Records of the two are of the same connection if they carry the same Community ID and began in the same hour of log
time (DNS: and have the same transaction's number). Of each such key, a record is left out if the other sensor has told
of one more; so as many are handed out as the sensor has that tells of more, whichever log is read first. Whose record
that is depends on which was read first. Nothing is left out of records without a Community ID.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from ingest.records import TOLD_BY_BOTH, RecordBatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import numpy.typing as npt

ROOM: Final = 1 << 16
"""Keys that the younger half of a table holds, and the older half, too."""
PERIOD_S: Final = 86_400.0
"""The younger half becomes the older one with each new period of log time, if it is not full before."""
_HOUR_S: Final = 3600.0
_ID_CHARACTERS: Final = 14  # the version, and 72 bits of the digest: enough, and half the size in memory
_MORE: Final = {"dns": ("trans_id",)}
_ZEEK, _SURICATA = "zeek", "suricata"
_OURS: Final = "install zeek-scripts and add '@load nslabs/community-id-dns-http' to local.zeek"
_OURS_TOO: Final = "install zeek-scripts and add '@load nslabs/community-id-ssl-mqtt' to local.zeek"
_REMEDIES: Final = {
    (_ZEEK, "conn"): "add '@load policy/protocols/conn/community-id-logging' to local.zeek",
    (_ZEEK, "dns"): _OURS,
    (_ZEEK, "http"): _OURS,
    **{(_ZEEK, kind): _OURS_TOO for kind in ("ssl", "mqtt_connect", "mqtt_publish", "mqtt_subscribe")},
}
_SURICATA_REMEDY: Final = "set 'community-id: true' under eve-log in suricata.yaml"


@dataclass(slots=True)
class Halves:
    """What one sensor has told of a log kind and the other has not, in two halves, of which the older one goes first.

    Attributes
    ----------
    young, old
        Records by key.
    period
        Newest log time in units of `PERIOD_S`.
    newest, identified
        When the newest record was written, and the newest with a Community ID; epoch seconds, None without any.
    forgotten
        Records that were forgotten because there were too many.
    room
        Keys that each half may hold.
    """

    young: Counter[str] = field(default_factory=Counter)
    old: Counter[str] = field(default_factory=Counter)
    period: int = 0
    newest: float | None = None
    identified: float | None = None
    forgotten: int = 0
    room: int = ROOM

    def see(self, times: npt.NDArray[np.float64], identified: npt.NDArray[np.bool_]) -> None:
        """Note when records were written, epoch seconds, float64 ``(n,)``, and which have a Community ID."""
        self.newest = _later(self.newest, times)
        self.identified = _later(self.identified, times[identified])

    def reach(self, period: int) -> None:
        """Forget what is too old at this log time; one wrong clock alone does not make it forget all."""
        if period > self.period:
            self.old, self.young = self.young, Counter()
            self.period = period

    def enter(self, keys: list[str]) -> None:
        """Remember records, in their order."""
        done = 0
        while done < len(keys):
            if len(self.young) >= self.room:
                self.forgotten += self.old.total()
                self.old, self.young = self.young, Counter()
            part = keys[done : done + self.room - len(self.young)]
            self.young.update(part)
            done += len(part)

    def take(self, key: str) -> bool:
        """Take one record of this key out; return whether there was one."""
        half = self.old if key in self.old else self.young
        if key not in half:
            return False
        half[key] -= 1
        if not half[key]:
            del half[key]
        return True

    def state(self) -> dict[str, Any]:
        """Return everything in JSON types."""
        return {
            "young": dict(self.young),
            "old": dict(self.old),
            "period": self.period,
            "newest": self.newest,
            "identified": self.identified,
            "forgotten": self.forgotten,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any], room: int) -> Halves:
        """Rebuild what `state` returned."""
        return cls(**{**state, "young": Counter(state["young"]), "old": Counter(state["old"])}, room=room)


class SensorJoin:
    """Leaves out records of connections that the other sensor has told of. How records are batched does not matter.

    Parameters
    ----------
    state
        What `state` returned, to go on from there.
    room
        So many keys of a log kind and a sensor are remembered at least, and at most twice as many.

    Attributes
    ----------
    joined
        Records that were left out, by log kind.
    """

    def __init__(self, state: Mapping[str, Any] | None = None, room: int = ROOM) -> None:
        known = state or {"joined": {}, "told": {}}
        self.joined: Counter[str] = Counter(known["joined"])
        self._told = {kind: {name: Halves(room=room) for name in (_ZEEK, _SURICATA)} for kind in TOLD_BY_BOTH}
        for kind, sensors in known["told"].items():
            self._told[kind] = {sensor: Halves.from_state(told, room) for sensor, told in sensors.items()}

    def of(self, batches: Iterable[RecordBatch]) -> list[RecordBatch]:
        """Return the batches without the records that are left out, and without batches that are then empty."""
        return [batch for batch in map(self._of, batches) if len(batch)]

    def problems(self) -> list[str]:
        """Return one sentence for each log kind that both sensors tell of at present and that cannot be joined."""
        return [sentence for kind, sensors in self._told.items() if (sentence := _problem(kind, sensors))]

    @property
    def forgotten(self) -> int:
        """How many records were forgotten before the other sensor told of them, or did not; 0 with one sensor only."""
        both = (told.values() for told in self._told.values() if all(one.identified for one in told.values()))
        return sum(one.forgotten for sensors in both for one in sensors)

    def state(self) -> dict[str, Any]:
        """Return everything in JSON types."""
        told = {kind: {name: one.state() for name, one in of.items()} for kind, of in self._told.items()}
        return {"joined": dict(self.joined), "told": told}

    def _of(self, batch: RecordBatch) -> RecordBatch:
        if batch.kind not in TOLD_BY_BOTH or not len(batch):
            return batch
        keep = np.ones(len(batch), np.bool_)
        times, of_suricata, keys = _times(batch.frame), _of_suricata(batch.frame["uid"]), _keys(batch)
        identified = np.zeros(len(batch), np.bool_) if keys is None else keys.is_not_null().to_numpy()
        told = batch.frame["uid"].is_not_null().to_numpy()
        for begin, end in _runs(of_suricata):
            if not told[begin:end].any():  # events without a flow_id; every record of Zeek's has a uid
                continue
            sensor, other = (_SURICATA, _ZEEK) if of_suricata[begin] else (_ZEEK, _SURICATA)
            mine, others = self._told[batch.kind][sensor], self._told[batch.kind][other]
            known = begin + np.flatnonzero(told[begin:end])
            mine.see(times[known], identified[known])
            places = begin + np.flatnonzero(identified[begin:end])
            if keys is not None and len(places):
                keep[places] = _new(mine, others, keys[begin:end].drop_nulls().to_list(), times[places])
        if keep.all():
            return batch
        self.joined[batch.kind] += len(keep) - int(keep.sum())
        return RecordBatch(batch.kind, batch.frame.filter(pl.Series(keep)), batch.source)


def _times(frame: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Do as `write_times` does, and put 0 where no time is told; numpy is quicker at the few rows of a live read."""
    times: npt.NDArray[np.float64] = np.nan_to_num(frame["ts"].to_numpy())
    if "duration" in frame.columns:
        times = times + np.nan_to_num(frame["duration"].to_numpy())
    return times


def _of_suricata(uid: pl.Series) -> npt.NDArray[np.bool_]:
    """Return which records have an identifier of Suricata's; the decoder lets it begin with S."""
    ours = (uid >= "S") & (uid < "T")
    return (ours.fill_null(value=False) if ours.null_count() else ours).to_numpy()


def _keys(batch: RecordBatch) -> pl.Series | None:
    """Return what records of the same connection have in common, whichever sensor tells of it; null without an ID.

    None if no record has an ID.
    """
    if batch.frame["community_id"].null_count() == len(batch):
        return None
    name = pl.col("community_id").str.slice(0, _ID_CHARACTERS)
    hour = (pl.col("ts") // _HOUR_S).cast(pl.Int64)
    key = pl.concat_str(name, hour, *_MORE.get(batch.kind, ()), separator=" ")
    return batch.frame.select(pl.when(pl.col("uid").is_not_null()).then(key).alias("key"))["key"]


def _new(mine: Halves, others: Halves, keys: list[str], times: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Return for each record of one sensor whether it is handed out, and remember those that are."""
    new = np.ones(len(keys), np.bool_)
    periods = np.maximum.accumulate(np.maximum(times // PERIOD_S, mine.period)).astype(np.int64)
    for begin, end in _runs(periods):
        mine.reach(int(periods[begin]))
        if others.young or others.old:
            new[begin:end] = [_is_new(mine, others, key) for key in keys[begin:end]]
        else:
            mine.enter(keys[begin:end])
    return new


def _is_new(mine: Halves, others: Halves, key: str) -> bool:
    if others.take(key):
        return False
    mine.enter([key])
    return True


def _runs(values: npt.NDArray[Any]) -> Iterator[tuple[int, int]]:
    """Return the begin and the end of each run of equal values, of which there is at least one."""
    return pairwise([0, *(np.flatnonzero(values[1:] != values[:-1]) + 1).tolist(), len(values)])


def _later(newest: float | None, times: npt.NDArray[np.float64]) -> float | None:
    """Return the newest of these times and the one known before, if there is any."""
    if not len(times):
        return newest
    latest = float(times.max())
    return latest if newest is None else max(newest, latest)


def _problem(kind: str, sensors: Mapping[str, Halves]) -> str | None:
    newest = [told.newest for told in sensors.values() if told.newest is not None]
    if len(newest) < len(sensors) or max(newest) - min(newest) > _HOUR_S:
        return None
    for sensor, told in sensors.items():
        if told.identified is None or told.newest is None or told.newest - told.identified > _HOUR_S:
            remedy = _REMEDIES.get((sensor, kind), _SURICATA_REMEDY)
            return (
                f"{kind} records of Zeek and Suricata cannot be joined and are scored twice: "
                f"those of {sensor.capitalize()} have no community_id; {remedy}"
            )
    return None
