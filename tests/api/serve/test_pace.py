"""Updates of one alert come every few seconds at most; what a person must know at once comes at once."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from api.pipeline.clock import Clock
from api.serve.stream import Hub, StreamLimits
from api.serve.stream.pace import EVERY_S, UpdatePace
from api.serve.stream.wanted import Wanted
from api.state.store import AlertChange

if TYPE_CHECKING:
    from tests.api.conftest import Examples


def updated(examples: type[Examples], count: int, **changes: Any) -> AlertChange:
    return AlertChange("updated", examples.alert(count=count, **changes))


def counts(changes: list[AlertChange]) -> list[int]:
    return [change.alert.count for change in changes]


def test_updates_wait_and_the_latest_comes(examples: type[Examples]) -> None:
    pace = UpdatePace()
    assert counts(pace.admit([AlertChange("raised", examples.alert())], 0.0)) == [1]
    assert counts(pace.admit([updated(examples, n) for n in range(2, 9)], 1.0)) == []
    assert counts(pace.admit([], EVERY_S - 0.1)) == []
    assert counts(pace.admit([], EVERY_S)) == [8]
    assert counts(pace.admit([updated(examples, 9)], EVERY_S + 1)) == []
    assert counts(pace.admit([updated(examples, 10)], 2 * EVERY_S)) == [9]
    assert counts(pace.rest()) == [10]
    assert len(pace) == 0


def test_what_matters_does_not_wait(examples: type[Examples]) -> None:
    pace = UpdatePace()
    pace.admit([AlertChange("raised", examples.alert(severity="medium"))], 0.0)
    for number, changes in enumerate(
        (
            {"severity": "high"},
            {"severity": "critical"},
            {"severity": "critical", "verdict": "attack"},
            {"severity": "critical", "verdict": "attack", "comment": "a test"},
            {"severity": "critical", "verdict": "attack", "comment": "a test", "incident": "other"},
        ),
        start=2,
    ):
        assert counts(pace.admit([updated(examples, number, **changes)], 0.1)) == [number]
    closed = AlertChange("closed", examples.alert(count=20, status="closed"))
    assert counts(pace.admit([updated(examples, 19, **changes), closed], 0.2)) == [20]
    assert pace.admit([], 100.0) == []
    assert len(pace) == 0


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 3)), max_size=60))
def test_every_alert_ends_in_its_latest_state_and_is_not_told_too_often(
    examples: type[Examples], steps: list[tuple[str, float]]
) -> None:
    pace, now, told, latest = UpdatePace(), 0.0, [], {}
    for count, (identifier, later) in enumerate(steps, start=1):
        now += later
        change = AlertChange("updated", examples.alert(identifier, count=count))
        latest[identifier] = count
        told += [(now, change) for change in pace.admit([change], now)]
    told += [(now + 2 * EVERY_S, change) for change in pace.admit([], now + 2 * EVERY_S)]
    for identifier, count in latest.items():
        times = [(at, change.alert.count) for at, change in told if change.alert.id == identifier]
        assert times[-1][1] == count
        assert all(after[0] - before[0] >= EVERY_S for before, after in pairwise(times))


def test_a_thousand_messages_cover_more_than_an_hour_of_one_attack(examples: type[Examples]) -> None:
    async def scenario() -> list[dict[str, Any]]:
        now = [0.0]
        hub = Hub(StreamLimits(history=1000), clock=Clock(monotonic=lambda: now[0]))
        hub.attach(asyncio.get_running_loop())
        hub.publish_alerts([AlertChange("raised", examples.alert())])
        for number in range(3600):
            now[0] += 1.0
            hub.publish_alerts([updated(examples, number + 2)])
            await asyncio.sleep(0)
        hub.publish_rest()
        await asyncio.sleep(0)
        with hub.alerts.subscribed(1, since_seq=0) as subscriber:
            waiting = [await subscriber.next_messages() for _ in range(len(subscriber))]
        return [orjson.loads(message.encode(Wanted()) or b"") for some in waiting for message in some]

    got = asyncio.run(scenario())
    assert (got[0]["seq"], got[0]["change"]) == (1, "raised")
    assert 3600 / EVERY_S <= len(got) <= 3600 / EVERY_S + 2
    assert got[-1]["alert"]["count"] == 3601
