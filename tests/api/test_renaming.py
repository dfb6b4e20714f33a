"""What people say of devices reaches the models at one record, also when a crash comes in between."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from api.devices.sightings import DeviceSighting, Seen
from api.pipeline import Scorer
from api.pipeline.renaming import Renamings
from api.state.devices.grouping import Act
from api.state.devices.identifiers import id_of
from api.state.devices.model_names import Names, Renaming, renamings_in
from api.state.devices.register import DeviceRegister
from api.state.store import AlertWriter
from ingest.records import CONN, DEVICES, RecordBatch
from online_models.alerts.case import Case
from online_models.config import ModelConfig
from online_models.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from api.state.devices.grouping import Regrouped
    from api.state.store import AlertChange, DriftChange
    from online_models.types import ScoredBatch

SMALL = ModelConfig(max_devices=64, max_pairs=256)
OLDER, YOUNGER = "192.168.1.5", "192.168.1.7"


def records(first: int, last: int, *devices: str) -> RecordBatch:
    """Return ordinary connections of some devices by turns, one a minute."""
    rows: list[dict[str, Any]] = [
        {
            "ts": 1_767_600_000.0 + 60.0 * n,
            "uid": f"C{n}",
            "id.orig_h": devices[n % len(devices)],
            "id.orig_p": 50_000 + n % 1000,
            "id.resp_h": f"203.0.113.{n % 7}",
            "id.resp_p": 443,
            "proto": "tcp",
            "conn_state": "SF",
            "duration": 1.0 + n % 5,
            "orig_bytes": 500 + n % 50,
            "resp_bytes": 4000 + n % 90,
        }
        for n in range(first, last)
    ]
    return RecordBatch("conn", pl.DataFrame({name: [row.get(name) for row in rows] for name in CONN}, schema=CONN))


class Bench:
    """A scorer with its register, beginning with given models; `scores` are what came out."""

    def __init__(self, path: Path, engine: bytes | None = None, followed: Mapping[str, int] | None = None) -> None:
        self.scores: list[float] = []
        self.register = DeviceRegister(path, 16)
        self.writer = AlertWriter(path)
        applied = None if engine is None else 0
        models = Engine(SMALL) if engine is None else Engine.from_bytes(engine, SMALL)
        self.scorer = Scorer(models, self.writer, self, followed, Renamings(renamings_in(path), applied, followed))

    def publish_scores(self, batch: ScoredBatch) -> None:
        """Keep the scores."""
        self.scores += batch.score.tolist()

    def publish_alerts(self, changes: Sequence[AlertChange]) -> None:
        """Take nothing."""

    def publish_drifts(self, changes: Sequence[DriftChange]) -> None:
        """Take nothing."""

    def merge(self) -> None:
        """Have both devices be one."""
        self.regroup(lambda act: self.register.merge(id_of(OLDER), id_of(YOUNGER), act))

    def regroup(self, change: Callable[[Act], Regrouped]) -> None:
        """Have a change made as a request has it made."""
        self.scorer.regroup(lambda followed: change(Act("anna", 0.0, followed)))

    def close(self) -> None:
        """End."""
        self.writer.close()
        self.register.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a store that knows both devices."""
    register = DeviceRegister(tmp_path / "alerts", 16)
    for at, address in enumerate((OLDER, YOUNGER)):
        register.note(Seen([DeviceSighting(address, address, at, at, {"conn"})], {}))
    register.close()
    return tmp_path / "alerts"


@pytest.fixture
def bench(path: Path) -> Iterator[Bench]:
    """Return a scorer on it."""
    made = Bench(path)
    yield made
    made.close()


def test_a_split_holds_against_evidence_and_a_merge_comes_after_it() -> None:
    names = Names({("a", "10.0.0.9"): "10.0.0.9/s1"}, {"b": "a"})
    frame = pl.DataFrame(
        {
            "id.orig_h": ["a", "10.0.0.9", "10.0.0.9", "b", "a"],
            "id.resp_h": ["x", "b", "x", "a", "10.0.0.9"],
            DEVICES[0]: [None, "a", "c", None, "b"],
            DEVICES[1]: [None, None, None, None, "a"],
        },
        schema=dict.fromkeys(("id.orig_h", "id.resp_h", *DEVICES), pl.String),
    )
    renamings = Renamings([Renaming(1, names, {})])
    found = renamings.of(RecordBatch("conn", frame)).frame
    assert found[DEVICES[0]].to_list() == [None, "10.0.0.9/s1", "c", "a", None]
    assert found[DEVICES[1]].to_list() == [None, "a", None, None, "10.0.0.9/s1"]
    batch = RecordBatch("conn", frame)
    assert Renamings().of(batch) is batch


def test_both_addresses_are_scored_by_the_older_ones_model(bench: Bench) -> None:
    bench.scorer.follow(records(0, 600, OLDER))
    (known,) = bench.scorer.engine.score(records(600, 601, OLDER)).score.tolist()
    (stranger,) = bench.scorer.engine.score(records(600, 601, YOUNGER)).score.tolist()
    assert stranger != known
    bench.merge()
    bench.scorer.follow(records(600, 601, YOUNGER))
    assert bench.scores[-1] == known
    bench.regroup(lambda act: bench.register.undo(id_of(OLDER), act))
    bench.scorer.follow(records(601, 602, YOUNGER))
    assert bench.scores[-1] != known


@pytest.mark.parametrize("cut", [(450,), (1, 2, 299, 300, 301, 449), (260, 350)])
def test_a_crash_after_it_changes_nothing(path: Path, cut: tuple[int, ...]) -> None:
    """What was followed before it is followed again as it was, to the record."""
    bench = Bench(path)
    bench.scorer.follow(records(0, 200, OLDER, YOUNGER))
    kept, followed = bench.scorer.engine.to_bytes(), bench.scorer.records()
    bench.scorer.follow(records(200, 300, OLDER, YOUNGER))
    bench.merge()
    assert bench.scorer.renamings.applied == 1
    bench.scorer.follow(records(300, 400, OLDER, YOUNGER))
    bench.regroup(lambda act: bench.register.undo(id_of(OLDER), act))
    bench.scorer.follow(records(400, 500, OLDER, YOUNGER))
    want = bench.scorer.engine.to_bytes()
    bench.close()

    again = Bench(path, kept, followed)
    assert again.scorer.renamings.applied == 0
    edges = sorted({200, *(edge for edge in cut if edge > 200), 500})
    for first, last in pairwise(edges):
        again.scorer.follow(records(first, last, OLDER, YOUNGER))
    assert again.scorer.renamings.applied == 2
    assert again.scores == bench.scores[200:]
    assert again.scorer.engine.to_bytes() == want
    again.close()


def test_models_that_begin_anew_know_devices_as_they_are_now(path: Path, bench: Bench) -> None:
    bench.scorer.follow(records(0, 10, OLDER))
    bench.merge()
    assert Renamings(renamings_in(path)).at("conn").merged == {YOUNGER: OLDER}
    assert Renamings(renamings_in(path), 0, {"conn": 9}).at("conn") == Names()


def test_an_open_alert_of_the_younger_goes_on_as_the_older_ones(bench: Bench) -> None:
    book = bench.scorer.engine._models["conn"].alerts  # noqa: SLF001 - what is told of cases is no part of any answer
    case = Case("a1", YOUNGER, 1.0, 2.0).state()
    own = Case("a2", OLDER, 1.0, 2.0).state()
    told = ((YOUNGER, "scan", case), (YOUNGER, "new-peer", case), (OLDER, "new-peer", own))
    book.restore({"known_as": known_as, "behaviour": behaviour, **of} for known_as, behaviour, of in told)
    bench.merge()
    after = {(one["known_as"], one["behaviour"], one["id"]) for one in book.state()}
    assert after == {(OLDER, "scan", "a1"), (YOUNGER, "new-peer", "a1"), (OLDER, "new-peer", "a2")}


def test_without_a_store_nothing_was_renamed(tmp_path: Path) -> None:
    assert renamings_in(tmp_path / "alerts.db") == []
