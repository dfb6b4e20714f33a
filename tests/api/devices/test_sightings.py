"""What is seen of devices: however batches are cut, by the models' names, bounded, and never of who came after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from api.devices.sightings import Seen, Sightings
from ingest.context.identity import Identity
from ingest.records import DEVICES, RecordBatch

if TYPE_CHECKING:
    from tests.api.conftest import Examples

PHONE = Identity("02:00:00:00:00:99", "phone")


class Given:
    """Sightings that a test looks at: who has which address, and what was handed over."""

    def __init__(self, capacity: int = 100) -> None:
        self.owners: dict[str, Identity] = {}
        self.names: dict[str, str] = {}
        self.seen: list[Seen] = []
        self.now = 0.0
        self.sightings = Sightings(
            lambda addresses: [(self.names.get(address, address), self.owners.get(address)) for address in addresses],
            self.seen.append,
            capacity,
            lambda: self.now,
        )

    def handed(self) -> list[tuple[Any, ...]]:
        """Return all that was handed over until now, and waits still."""
        self.sightings.hand_over_all()
        return sorted(
            (one.known_as, one.address, one.first_seen, one.last_seen, one.mac)
            for seen in self.seen
            for one in seen.sightings
        )


def batch(origins: list[str], names: list[str | None] | None = None) -> RecordBatch:
    n = len(origins)
    columns = {
        "id.orig_h": origins,
        "id.resp_h": ["10.0.0.200"] * n,
        "id.resp_p": [80 + row for row in range(n)],
        "proto": ["tcp"] * n,
        "conn_state": ["SF", "S0"] * (n // 2) + ["SF"] * (n % 2),
    }
    frame = pl.DataFrame(columns)
    if names is not None:
        of_peer = pl.lit(None, pl.String).alias(DEVICES[1])
        frame = frame.with_columns(pl.Series(DEVICES[0], names, pl.String), of_peer)
    return RecordBatch("conn", frame)


@pytest.mark.parametrize("cut", [1, 2, 5])
def test_however_batches_are_cut_the_same_is_seen(examples: type[Examples], cut: int) -> None:
    origins, times = ["10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.1", "10.0.0.2"], [5.0, 3.0, 1.0, 9.0, 4.0]
    given = Given()
    for begin in range(0, 5, cut):
        some = slice(begin, begin + cut)
        device, ts = origins[some], np.array(times[some])
        given.sightings.see(batch(device), examples.scored(len(device), device=device, ts=ts))
    assert given.handed() == [("10.0.0.1", "10.0.0.1", 1.0, 9.0, None), ("10.0.0.2", "10.0.0.2", 3.0, 4.0, None)]


def test_a_device_goes_by_the_name_of_the_models_and_an_address_that_is_another_s_now_says_nothing(
    examples: type[Examples],
) -> None:
    given = Given()
    given.owners["10.0.0.9"] = PHONE
    given.names["10.0.0.9"] = "10.0.0.1"
    origins = ["10.0.0.9", "10.0.0.9"]
    scored = examples.scored(2, device=origins, ts=np.array([1.0, 2.0]))
    given.sightings.see(batch(origins, ["10.0.0.1", None]), scored)
    assert given.handed() == [
        ("10.0.0.1", "10.0.0.9", 1.0, 1.0, PHONE.mac), ("10.0.0.9", "10.0.0.9", 2.0, 2.0, None)
    ]  # fmt: skip


def test_it_is_bounded_and_what_had_no_room_is_counted(examples: type[Examples]) -> None:
    given = Given(capacity=100)
    origins = [f"10.0.{n}.1" for n in range(150)]
    given.sightings.see(batch(origins), examples.scored(150, device=origins))
    assert (len(given.sightings), given.sightings.missed) == (100, 50)
    given.sightings.hand_over()
    assert 0 < len(given.seen[0].sightings) < 100
    assert len(given.handed()) == 100


def test_services_are_what_was_answered_and_looked_at_now_and_then(examples: type[Examples]) -> None:
    given = Given()
    origins = ["10.0.0.1", "10.0.0.2"]
    for now in (0.0, 0.5, 5.0):
        given.now = now
        given.sightings.see(batch(origins), examples.scored(2, device=origins))
        given.sightings.hand_over()
    assert [seen.services for seen in given.seen] == [{"10.0.0.200": {"tcp/80"}}, {}, {"10.0.0.200": {"tcp/80"}}]
