"""What the pipeline sees of devices, gathered in its thread for the register, which is written in another."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from ingest.records import DEVICES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from ingest.context.identity import Identity
    from ingest.records import RecordBatch
    from online_models.types import ScoredBatch

    Key = str | tuple[str, str]
    """The name that the models know a device by, and the address that it used, if that may be another."""

_AT_ONCE: Final = 64
"""Handed over at a time, each half second: writing them, in one transaction for which alerts may have to wait, takes
some 6 ms."""
_SAMPLED_S: Final = 1.0
"""Between two looks at what devices answer on: a look takes a millisecond."""
_MOST_SERVERS: Final = 128
_ANSWERED: Final = ("SF", "S1", "S2", "S3", "RSTO", "RSTR")
"""States of connections that were established (Zeek's conn.log)."""
_LARGEST_PORT: Final = 32_767
"""Below the ports that hosts take for their own ends of connections (Linux; RFC 6056 begins later)."""


@dataclass(slots=True)
class DeviceSighting:
    """A device that was seen, under the name that the models know it by, with one address; times are log time."""

    known_as: str
    address: str
    first_seen: float
    last_seen: float
    logs: set[str] = field(default_factory=set)
    mac: str | None = None
    host_name: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What is handed over at once; ``services`` are what devices answered on, by the models' names for them."""

    sightings: list[DeviceSighting]
    services: dict[str, set[str]]


class Sightings:
    """Devices that were seen and not handed over yet, bounded; belongs to the thread of the models.

    Parameters
    ----------
    users_of
        By what name the models know the device at each of some addresses at present, and who that is.
    give
        Takes what is handed over; must not wait.
    capacity
        Devices that wait at most; more are noted when they are seen again, and counted as ``missed``.
    monotonic
        Seconds, to sample by.
    """

    def __init__(
        self,
        users_of: Callable[[Sequence[str]], list[tuple[str, Identity | None]]],
        give: Callable[[Seen], object],
        capacity: int,
        monotonic: Callable[[], float],
    ) -> None:
        self.missed = 0
        self._users_of, self._give, self._monotonic = users_of, give, monotonic
        self._capacity = capacity
        self._waiting: dict[Key, DeviceSighting] = {}
        self._services: dict[str, set[str]] = {}
        self._sample_at = float("-inf")

    def __len__(self) -> int:
        return len(self._waiting)

    def see(self, batch: RecordBatch, scored: ScoredBatch) -> None:
        """Note the devices of a batch, whose rows are those of its scores."""
        if not len(scored):
            return
        keys, times = _in_order(_keys(batch, scored), np.nan_to_num(scored.ts))
        last = dict(zip(keys, times, strict=True))
        waiting, begin = self._waiting, times[0]
        if any(key not in waiting or waiting[key].first_seen > begin for key in last):
            first = dict(zip(reversed(keys), reversed(times), strict=True))
        else:
            first = last  # none of them was seen earlier than is known
        for key, ts in last.items():
            self._note(key, first[key], ts, batch.kind)
        if batch.kind == "conn" and self._monotonic() >= self._sample_at:
            self._sample_at = self._monotonic() + _SAMPLED_S
            self._note_services(batch)

    def hand_over_all(self) -> None:
        """Hand over all that waits."""
        while self._waiting or self._services:
            self.hand_over()

    def hand_over(self) -> None:
        """Hand over what waited for longest."""
        keys = list(islice(self._waiting, _AT_ONCE))
        if not keys and not self._services:
            return
        sightings = [self._waiting.pop(key) for key in keys]
        self._identify(sightings)
        services, self._services = self._services, {}
        self._give(Seen(sightings, services))

    def _note(self, key: Key, first: float, last: float, kind: str) -> None:
        known = self._waiting.get(key)
        if known is not None:
            known.first_seen, known.last_seen = min(known.first_seen, first), max(known.last_seen, last)
            known.logs.add(kind)
        elif len(self._waiting) < self._capacity:
            known_as, address = (key, key) if isinstance(key, str) else key
            self._waiting[key] = DeviceSighting(known_as, address, first, last, {kind})
        else:
            self.missed += 1

    def _identify(self, sightings: list[DeviceSighting]) -> None:
        """Tell who they are; an address that has gone to another device since says nothing of this one."""
        users = self._users_of([sighting.address for sighting in sightings])
        for sighting, (name, found) in zip(sightings, users, strict=True):
            if found is not None and name == sighting.known_as:
                sighting.mac, sighting.host_name = found.mac, found.host_name

    def _note_services(self, batch: RecordBatch) -> None:
        frame = batch.frame
        device = pl.col("id.resp_h")
        if DEVICES[1] in frame.columns:
            device = pl.coalesce(DEVICES[1], device)
        is_service = pl.col("conn_state").is_in(_ANSWERED) & (pl.col("id.resp_p") <= _LARGEST_PORT)
        answered = frame.filter(is_service & pl.col("proto").is_in(["tcp", "udp"]))
        rows = answered.select(device.alias("device"), pl.format("{}/{}", "proto", "id.resp_p")).unique()
        for known_as, service in rows.iter_rows():
            if known_as in self._services or len(self._services) < _MOST_SERVERS:
                self._services.setdefault(known_as, set()).add(service)


def _in_order(keys: Sequence[Key], ts: npt.NDArray[np.float64]) -> tuple[Sequence[Key], list[float]]:
    """Return keys with their times in the order of the times."""
    if np.all(ts[1:] >= ts[:-1]):
        return keys, ts.tolist()
    order = np.argsort(ts, kind="stable")
    return [keys[row] for row in order.tolist()], ts[order].tolist()


def _keys(batch: RecordBatch, scored: ScoredBatch) -> Sequence[Key]:
    """Return by what name the models know the device of each record, with its address if that may be another."""
    if DEVICES[0] not in batch.frame.columns:
        return scored.device
    own = pl.Series("own", scored.device, pl.String)
    name = (
        pl.when(pl.col("id.orig_h") == own)
        .then(pl.col(DEVICES[0]))
        .when(pl.col("id.resp_h") == own)
        .then(pl.col(DEVICES[1]))
    )
    names = batch.frame.select(pl.coalesce(name, own))[:, 0].to_list()
    return list(zip(names, scored.device, strict=True))
