"""The sink that tells Zeek of alerts: each is a notice, in order, and none is lost while Zeek is away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from api.sinks.protocol import Notice, RefusedError, SinkError, SinkSetupError
from api.sinks.registry import make_sink
from online_models.service import DEVICE, LOG
from online_models.types import Alert
from tests.zeek_scripts.standin import StandIn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.sinks.protocol import Sink


def notice(**changes: Any) -> Notice:
    given: dict[str, Any] = {
        "id": "a-1", "device": "192.168.1.5", "behaviour": "scan", "log": "conn", "severity": "high", "score": 0.97,
        "ts": 1.0, "first_ts": 1.0, "last_ts": 2.0, "count": 3, "sentence": "it scans", "uids": ("CAbc1", "CAbc2"),
    }  # fmt: skip
    return Notice(1, "raised", Alert(**(given | changes)))


@pytest.fixture
def zeek() -> Iterator[StandIn]:
    """Return a stand-in, which checks each message against the script's declarations."""
    made = StandIn()
    made.start()
    yield made
    made.stop()
    assert made.problems == []


def sink_of(zeek: StandIn) -> Sink:
    made = make_sink("zeek", {"url": zeek.url})
    assert made is not None
    return made.sink


def test_each_alert_is_a_notice(zeek: StandIn) -> None:
    async def scenario() -> None:
        sink = sink_of(zeek)
        await sink.send(notice())
        await sink.send(notice(id="a-2", device="2001:db8::5", sentence='it "talks"\n\u2028 é', uids=()))
        with pytest.raises(RefusedError, match="no IP address"):
            await sink.send(notice(device="camera"))
        await sink.send(notice(device=DEVICE, log=LOG, sentence="a limit was reached"))
        await sink.flush()
        await sink.close()

    asyncio.run(scenario())
    assert zeek.notices == ["it scans", 'it "talks"\n\u2028 é', "a limit was reached"]
    assert zeek.log == [("NSLabs::note", True)] * 3


def test_while_zeek_is_away_nothing_is_taken_and_then_all_is(zeek: StandIn) -> None:
    async def scenario() -> None:
        sink = sink_of(zeek)
        zeek.stop()
        with pytest.raises(SinkError, match="is it running, with our package loaded"):
            await sink.send(notice())
        zeek.start()
        await sink.send(notice())
        await sink.close()

    asyncio.run(scenario())
    assert zeek.notices == ["it scans"]


def test_a_wrong_address_is_told() -> None:
    with pytest.raises(SinkSetupError, match=r"\[sinks.zeek\]: url"):
        make_sink("zeek", {"url": "http://127.0.0.1"})
