"""Streams: every subscriber gets all messages in order, or is told in their place how many it missed."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.serve.stream import Hub, StreamLimits
from api.serve.stream.messages import Gap
from api.serve.stream.scores import ScoresMessage
from api.serve.stream.wanted import Wanted
from api.state.store import AlertChange
from tests.api.conftest import is_described

if TYPE_CHECKING:
    from api.serve.stream.channel import Subscriber
    from tests.api.conftest import Examples


async def texts(subscriber: Subscriber, wanted: Wanted | None = None) -> list[dict[str, Any]]:
    """Take out all that waits."""
    out: list[dict[str, Any]] = []
    while len(subscriber):
        encoded = [message.encode(wanted or Wanted()) for message in await subscriber.next_messages()]
        out += [orjson.loads(text) for text in encoded if text is not None]
    assert all(map(is_described, out))
    return out


def raised(examples: type[Examples], identifier: str = "a1") -> AlertChange:
    return AlertChange("raised", examples.alert(identifier))


async def attached(hub: Hub) -> Hub:
    hub.attach(asyncio.get_running_loop())
    return hub


async def publish(hub: Hub, *changes: AlertChange) -> None:
    """Publish as the pipeline does: from another thread."""
    await asyncio.to_thread(hub.publish_alerts, changes)


def test_alerts_reach_all_subscribers_in_order(examples: type[Examples]) -> None:
    async def scenario() -> None:
        hub = await attached(Hub(StreamLimits()))
        with hub.alerts.subscribed(10) as one, hub.alerts.subscribed(10) as other:
            await publish(
                hub, raised(examples, "a1"), AlertChange("updated", examples.alert("a1", severity="critical"))
            )
            await publish(hub, AlertChange("closed", examples.alert("a1", status="closed")))
            got = await texts(one)
            assert [(m["type"], m["seq"], m["change"]) for m in got] == [
                ("alert", 1, "raised"),
                ("alert", 2, "updated"),
                ("alert", 3, "closed"),
            ]
            assert got[0]["alert"]["reasons"][0]["feature"] == "reach_hosts"
            assert await texts(other) == got

    asyncio.run(scenario())


@given(st.lists(st.one_of(st.integers(1, 5).map(lambda n: ("publish", n)), st.just(("read", 1)))), st.integers(1, 4))
def test_received_and_missed_together_are_all(
    examples: type[Examples], steps: list[tuple[str, int]], capacity: int
) -> None:
    async def scenario() -> list[tuple[str, int, int]]:
        hub = await attached(Hub(StreamLimits()))
        got: list[tuple[str, int, int]] = []

        async def read(subscriber: Subscriber) -> None:
            for message in await subscriber.next_messages():
                dropped = message.dropped if isinstance(message, Gap) else 0
                got.append((type(message).__name__, message.seq, dropped))

        with hub.alerts.subscribed(capacity) as subscriber:
            for step, count in steps:
                if step == "publish":
                    hub.publish_alerts([raised(examples)] * count)
                    await asyncio.sleep(0)  # let the loop deliver what was handed over to it
                    assert len(subscriber) <= capacity
                elif len(subscriber):
                    await read(subscriber)
            while len(subscriber):
                await read(subscriber)
        return got

    seq = 0
    for name, number, dropped in asyncio.run(scenario()):
        seq += dropped if name == "Gap" else 1
        assert number == seq
    assert seq == sum(count for step, count in steps if step == "publish")


def test_a_slow_subscriber_is_told_its_gap_and_holds_up_nobody(examples: type[Examples]) -> None:
    async def scenario() -> None:
        hub = await attached(Hub(StreamLimits()))
        with hub.alerts.subscribed(2) as slow, hub.alerts.subscribed(100) as quick:
            await publish(hub, *[raised(examples)] * 50)
            assert len(slow) == 2
            assert [m["type"] for m in await texts(quick)] == ["alert"] * 50
            assert [(m["type"], m["seq"], m.get("dropped")) for m in await texts(slow)] == [
                ("gap", 48, 48),
                ("alert", 49, None),
                ("alert", 50, None),
            ]

    asyncio.run(scenario())


def test_a_loop_that_stands_still_bounds_what_waits_and_becomes_a_gap(examples: type[Examples]) -> None:
    async def scenario() -> None:
        hub = await attached(Hub(StreamLimits(history=0)))
        with hub.alerts.subscribed(10_000) as subscriber:
            publisher = threading.Thread(target=lambda: hub.publish_alerts([raised(examples)] * 5000))
            publisher.start()
            publisher.join()  # the loop cannot run meanwhile
            await asyncio.sleep(0)
            first, *rest = await texts(subscriber)
            assert first == {"type": "gap", "seq": 904, "dropped": 904, "reason": "lost"}
            assert [m["seq"] for m in rest] == list(range(905, 5001))

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (5, []),
        (3, [("alert", 4), ("alert", 5)]),
        (2, [("alert", 3), ("alert", 4), ("alert", 5)]),
        (0, [("gap", 2), ("alert", 3), ("alert", 4), ("alert", 5)]),
        (77, [("gap", 2), ("alert", 3), ("alert", 4), ("alert", 5)]),
    ],
)
def test_who_comes_back_gets_what_is_remembered(
    examples: type[Examples], since: int, expected: list[tuple[str, int]]
) -> None:
    async def scenario() -> None:
        hub = await attached(Hub(StreamLimits(history=3)))
        await publish(hub, *[raised(examples)] * 5)
        with hub.alerts.subscribed(1, since_seq=since) as subscriber:
            assert [(m["type"], m["seq"]) for m in await texts(subscriber)] == expected

    asyncio.run(scenario())


def test_scores_cost_nothing_without_subscribers_and_come_in_pieces_with_one(examples: type[Examples]) -> None:
    async def scenario() -> None:
        hub = await attached(Hub(StreamLimits()))
        hub.publish_scores(examples.scored(10))
        with hub.scores.subscribed(10) as subscriber:
            hub.publish_scores(examples.scored(2500, anomalous=(1, 2400)))
            await asyncio.sleep(0)
            got = await texts(subscriber)
        assert [(m["type"], m["seq"], m["log"], len(m["scores"])) for m in got] == [
            ("scores", 1, "conn", 1000),
            ("scores", 2, "conn", 1000),
            ("scores", 3, "conn", 500),
        ]
        assert got[2]["scores"][400] == {
            "log": "conn",
            "uid": "C2400",
            "ts": 2400.0,
            "device": "192.168.1.0",
            "score": 1.0,
            "anomaly": True,
            "reasons": [
                {
                    "feature": "reach_hosts",
                    "observed": 214.0,
                    "usual": 3.0,
                    "weight": 0.4,
                    "text": "tried 214 hosts in a minute",
                }
            ],
        }

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("wanted", "uids"),
    [
        (Wanted(), ["C2", "C3", "C4"]),
        (Wanted(min_score=0.5), ["C3"]),
        (Wanted(devices=("192.168.1.0",)), ["C2", "C4"]),
        (Wanted(min_score=0.5, devices=("192.168.1.0",)), None),
    ],
)
def test_score_filters(examples: type[Examples], wanted: Wanted, uids: list[str] | None) -> None:
    text = ScoresMessage(1, examples.scored(6, anomalous=(3,)), 2, 5).encode(wanted)
    got = None if text is None else [row["uid"] for row in orjson.loads(text)["scores"]]
    assert got == uids
