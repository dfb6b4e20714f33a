"""What finished logs would have had blocked: which, how long, what was refused, and what would not have passed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from api.cli.would import decisions_in_json, decisions_in_words
from api.offline.backtesting import pieces
from api.offline.consequences import Consequences, Would
from ingest.records import RecordBatch
from online_models.types import Alert, ScoredBatch
from prevention.policy import policy_from

if TYPE_CHECKING:
    from collections.abc import Sequence

START = 1_767_600_000.0
CAMERA, OTHER, STRANGER, CLOUD = "192.168.7.5", "192.168.7.6", "203.0.113.9", "198.51.100.1"

TYPES = {"ts": pl.Float64, "orig_l2_addr": pl.String, "resp_l2_addr": pl.String}


def alert(at: float, **changes: Any) -> Alert:
    given: dict[str, Any] = {
        "id": "a-1",
        "device": CAMERA,
        "behaviour": "new-peer",
        "log": "conn",
        "severity": "high",
        "score": 0.9,
        "ts": at,
        "first_ts": at,
        "last_ts": at,
        "count": 3,
        "sentence": "it talks to a stranger",
        "peers": (STRANGER,),
        "targets": ("443/tcp",),
    }
    return Alert(**(given | changes))


class Logs:
    """Feeds conn records, some of them anomalies, to what would have been decided."""

    def __init__(self, since: float = 0.0, **policy: Any) -> None:
        self.found = Consequences(policy_from(policy), since)

    def write(self, rows: Sequence[tuple[float, str, str, bool]], *alerts: Alert, **columns: str) -> None:
        """Write records: seconds after the beginning, both ends, and whether it is an anomaly."""
        data = {
            "ts": [START + at for at, *_ in rows],
            "id.orig_h": [orig for _, orig, _, _ in rows],
            "id.resp_h": [resp for _, _, resp, _ in rows],
            "id.resp_p": [443 for _ in rows],
            "resp_bytes": [9 for _ in rows],
            "rcode": [0 for _ in rows],
            "orig_l2_addr": [None for _ in rows],
            "resp_l2_addr": [None for _ in rows],
            **{name: [value for _ in rows] for name, value in columns.items()},
        }
        kind = "dns" if "query" in columns else "conn"
        batch = RecordBatch(kind, pl.DataFrame(data, schema_overrides=TYPES))
        n = len(rows)
        anomaly = np.array([odd for *_, odd in rows], bool)
        ts = batch.frame["ts"].to_numpy()
        self.found.observe(batch)
        self.found.follow(
            batch, ScoredBatch(kind, [""] * n, data["id.orig_h"], ts, anomaly * 1.0, anomaly, alerts=alerts)
        )

    def told(self) -> tuple[Would, ...]:
        """Return what would have been decided."""
        return self.found.told()


def test_a_pair_is_blocked_for_its_time_and_what_it_would_have_stopped_is_counted() -> None:
    logs = Logs()
    logs.write([(0, CAMERA, STRANGER, False), (10, CAMERA, STRANGER, True)], alert(START + 10))
    logs.write(
        [
            (100, CAMERA, STRANGER, True),
            (200, CAMERA, STRANGER, False),
            (300, STRANGER, CAMERA, False),
            (400, CAMERA, CLOUD, False),
            (500, OTHER, STRANGER, False),
            (610, CAMERA, STRANGER, False),
        ]
    )
    (one,) = logs.told()
    assert (one.outcome, one.mode, one.decision.rule) == ("blocked", "observe", "grave")
    assert str(one.decision.target) == f"{CAMERA} with {STRANGER}"
    assert (one.decision.made_at, one.end) == (START + 10, START + 610)
    assert (one.ordinary, one.anomalous) == ({"conn": 2}, {"conn": 2})


def test_who_goes_on_is_blocked_again_and_for_longer() -> None:
    logs = Logs(mode="suggest", modes={"new-peer": "enforce"})
    for at in range(0, 6000, 60):
        logs.write([(at, CAMERA, STRANGER, True)], alert(START, last_ts=START + at, count=3 + at))
    first, second, third = logs.told()
    assert [(one.decision.step, one.end - one.decision.made_at) for one in (first, second, third)] == [
        (0, 600.0),
        (1, 3600.0),
        (2, 86_400.0),
    ]
    assert {one.mode for one in (first, second, third)} == {"enforce"}


def test_what_a_safeguard_refuses_and_a_limit_holds_back_is_told_with_its_reason() -> None:
    logs = Logs(protect={"networks": [STRANGER]}, limits={"new_blocks_per_minute": 1})
    logs.write([(0, CAMERA, STRANGER, True)], alert(START))
    logs.write([(20, CAMERA, CLOUD, True)], alert(START + 20, id="a-2", peers=(CLOUD,)))
    logs.write([(25, OTHER, CLOUD, False), (25, OTHER, STRANGER, True)], alert(START + 25, id="a-3", device=OTHER))
    logs.write([(30, OTHER, CLOUD, False)], alert(START + 30, id="a-4", device=OTHER, peers=(CLOUD,)))
    told = {one.decision.alert: one for one in logs.told()}
    assert {name: one.outcome for name, one in told.items()} == {
        "a-1": "refused",
        "a-2": "blocked",
        "a-3": "refused",
        "a-4": "suggested",
    }
    assert "network of the policy" in told["a-1"].reason
    assert "1 blocks were begun within a minute" in told["a-4"].reason
    assert not told["a-4"].ordinary
    sums = decisions_in_json(logs.told())
    assert [sums[name] for name in ("blocked", "suggested", "refused", "ordinary_records")] == [1, 1, 2, 0]
    text = decisions_in_words(logs.told())
    assert "1 blocks, 1 only suggested by a limit, 2 refused" in text
    assert len([line for line in text.splitlines() if "2026-01-05" in line]) == 4


def test_before_the_time_asked_for_nothing_is_decided() -> None:
    logs = Logs(since=START + 100)
    logs.write([(10, CAMERA, STRANGER, True)], alert(START + 10))
    logs.write([(90, CAMERA, STRANGER, True)], alert(START + 10, last_ts=START + 90, count=4))
    assert logs.told() == ()
    logs.write([(110, CAMERA, STRANGER, True)], alert(START + 10, last_ts=START + 110, count=5))
    assert [one.decision.made_at for one in logs.told()] == [START + 110]


def test_a_wrong_clock_neither_ends_nor_makes_a_block_of_next_year() -> None:
    logs = Logs(limits={"max_device_percent": 100})
    logs.write([(0, CAMERA, STRANGER, True)], alert(START))
    rows = [(at, CAMERA, CLOUD, False) for at in range(1, 300)]
    logs.write([*rows, (4e7, OTHER, CLOUD, True)], alert(START + 4e7, id="a-2", device=OTHER, peers=(CLOUD,)))
    first, second = logs.told()
    assert first.decision.state == second.decision.state == "active"
    assert second.decision.made_at < START + 300


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"rules": [{"target": "device"}]}, {"conn": 3}),
        ({"rules": [{"target": "peer"}]}, {"conn": 2}),
        ({"rules": [{"action": "quarantine"}], "quarantine": {"allow": ["198.51.100.0/24"]}}, {"conn": 2}),
        ({"rules": [{"action": "none"}]}, None),
    ],
)
def test_each_target_stops_its_own(policy: dict[str, Any], expected: dict[str, int] | None) -> None:
    logs = Logs(**policy)
    logs.write([(0, CAMERA, STRANGER, True)], alert(START))
    rows = [(1, CAMERA, CLOUD, False), (2, CAMERA, STRANGER, False), (3, OTHER, CLOUD, False)]
    logs.write([*rows, (4, OTHER if "peer" in str(policy) else CAMERA, STRANGER, False)])
    assert [one.ordinary for one in logs.told()] == ([] if expected is None else [expected])


def test_a_domain_stops_its_questions_and_those_below_it() -> None:
    logs = Logs()
    asked = alert(START, log="dns", peers=("192.168.7.1",), targets=("evil.example",))
    logs.write([(0, CAMERA, "192.168.7.1", True)], asked, query="evil.example")
    logs.write([(1, OTHER, "192.168.7.1", False)], query="A.Evil.example")
    logs.write([(2, CAMERA, "192.168.7.1", False)], query="notevil.example")
    (one,) = logs.told()
    assert (str(one.decision.target), one.ordinary) == ("evil.example", {"dns": 1})


def test_a_batch_is_cut_where_log_time_goes_on() -> None:
    times = [0.0, 10.0, 59.0, 61.0, 30.0, 130.0]
    batch = RecordBatch("conn", pl.DataFrame({"ts": times}))
    cut = [piece.frame["ts"].to_list() for piece in pieces(batch, 60.0, 0.0)]
    assert cut == [[0.0, 10.0, 59.0], [61.0, 30.0], [130.0]]
    later = [piece.frame["ts"].to_list() for piece in pieces(batch, 60.0, 61.0)]
    assert later == [times[:3], [61.0, 30.0], [130.0]]
    assert [len(piece) for piece in pieces(batch, 10.0, 61.0)] == [3, 2, 1]
    assert [piece.frame["ts"].to_list() for piece in pieces(batch, None, 0.0)] == [times]
    assert list(pieces(RecordBatch("conn", batch.frame[:0]), 60.0, 0.0)) == []
