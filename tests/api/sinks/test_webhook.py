"""Webhook: signed, in order, at least once, whatever the receiver does meanwhile; no other sink is held up."""

from __future__ import annotations

import asyncio
import base64
import random
from typing import TYPE_CHECKING, Any

import pytest
from standardwebhooks import Webhook

from api.sinks.protocol import SinkSetupError
from api.sinks.registry import make_sinks
from tests.api.sinks.conftest import Receiver, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.api.sinks.conftest import Desk

SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four.").decode()


def test_a_signed_message_for_each_change(desk: Desk, receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")
    desk.prepare(webhook={"url": receiver.url, "secret_file": str(tmp_path / "secret")})
    desk.raise_alerts(1, severity="low", sentence='says "\x1b[31m\n"')
    desk.writer.upsert([desk.examples.alert("a00000", device="d-a00000", severity="critical", count=2)])

    async def scenario() -> None:
        async with desk.running():
            await until(lambda: len(receiver.taken) == 2)

    asyncio.run(scenario())
    assert [message["type"] for message in receiver.taken] == ["alert.raised", "alert.graver"]
    data = receiver.taken[1]["data"]
    assert (data["id"], data["severity"], data["site"], data["mac"]) == (
        "a00000", "critical", "default", "02:00:00:00:00:17",
    )  # fmt: skip
    assert data["link"] == "https://nslabs.example/#alert-a00000"
    Webhook(SECRET).verify(receiver.bodies[0], receiver.headers[0])
    assert len({headers["webhook-id"] for headers in receiver.headers}) == 2


@pytest.mark.slow
def test_a_receiver_that_fails_at_random_gets_all_in_order(desk: Desk, receiver: Receiver) -> None:
    draws = random.Random(7)
    receiver.statuses = iter(lambda: draws.choice([200, 200, 500, 503, 429, 404, 0]), None)
    sinks = desk.prepare(webhook={"url": receiver.url})
    names = desk.raise_alerts(150)

    async def scenario() -> None:
        async with desk.running():
            await until(lambda: sinks.statuses()[0].delivered >= 150 and not sinks.statuses()[0].waiting)

    asyncio.run(scenario())
    assert receiver.ids() == names  # a refusal says that it was not taken, so nothing comes twice
    status = sinks.statuses()[0]
    assert (status.error, status.delivered, status.waiting) == (None, 150, 0)
    assert status.last_error is not None


def test_what_a_receiver_calls_wrong_is_passed_over_and_told(desk: Desk, receiver: Receiver) -> None:
    receiver.statuses = iter([200, 422, *[200] * 10])
    sinks = desk.prepare(webhook={"url": receiver.url})
    desk.raise_alerts(3)

    async def scenario() -> None:
        async with desk.running():
            await until(lambda: len(receiver.taken) == 2)

    asyncio.run(scenario())
    assert receiver.ids() == ["a00000", "a00002"]
    assert sinks.statuses()[0].refused == 1
    assert "422" in str(sinks.statuses()[0].last_error)


def test_one_that_is_down_holds_up_no_other_and_goes_on_where_it_was(desk: Desk, receiver: Receiver) -> None:
    gone = Receiver()
    gone.stop()
    tables = {"down": {"type": "webhook", "url": gone.url}, "up": {"type": "webhook", "url": receiver.url}}
    sinks = desk.prepare(**tables)
    names = desk.raise_alerts(250)

    async def scenario() -> None:
        async with desk.running():
            await until(lambda: len(receiver.taken) == 250)
            down = sinks.statuses()[0]
            assert (down.delivered, down.waiting) == (0, 250)
            assert "127.0.0.1" in str(down.error)
            back = Receiver(gone.port)
            try:
                await until(lambda: len(back.taken) == 250)
                assert back.ids() == names
            finally:
                back.stop()

    asyncio.run(scenario())
    assert receiver.ids() == names


def test_a_new_sink_begins_with_what_comes_and_a_known_one_where_it_was(desk: Desk, receiver: Receiver) -> None:
    desk.raise_alerts(5)
    desk.prepare(webhook={"url": receiver.url})
    desk.raise_alerts(5, first=5)

    async def deliver() -> None:
        async with desk.running() as sinks:  # what is taken, but not noted yet, would come again
            await until(lambda: [status.delivered for status in sinks.statuses()] == [5])
            await until(lambda: [status.waiting for status in sinks.statuses()] == [0])

    asyncio.run(deliver())
    desk.raise_alerts(5, first=10)  # while nothing runs
    desk.prepare(webhook={"url": receiver.url})
    asyncio.run(deliver())
    assert receiver.ids() == [f"a{number:05}" for number in range(5, 15)]


def test_only_what_is_wanted_is_sent(desk: Desk, receiver: Receiver) -> None:
    tables: dict[str, dict[str, Any]] = {
        "grave": {"min_severity": "high"},
        "scans": {"behaviours": ["scan"]},
        "net": {"devices": ["10.1.0.0/16"]},
        "names": {"devices": ["porch-*"], "events": ["closed"]},
        "off": {"enabled": False},
    }
    desk.prepare(
        **{name: {"type": "webhook", "url": f"{receiver.url}/{name}"} | table for name, table in tables.items()}
    )
    alert = desk.examples.alert
    desk.writer.upsert([
        alert("low", severity="low", device="10.1.2.3", behaviour="volume"),
        alert("grave", severity="critical", device="10.2.2.3", behaviour="volume"),
        alert("scan", severity="low", device="fe80::1"),
    ])  # fmt: skip
    desk.writer.upsert([alert("scan", severity="low", device="fe80::1", count=2, status="closed")])

    async def scenario() -> None:
        async with desk.running() as sinks:
            await until(lambda: all(status.left_out + status.delivered == 4 for status in sinks.statuses()))

    asyncio.run(scenario())
    assert sorted(receiver.ids()) == ["grave", "low", "scan", "scan", "scan"]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"type": "carrier-pigeon"}, "unknown type 'carrier-pigeon'; expected one of apprise, file, mqtt, syslog, web"),
        ({"type": "webhook"}, "url: Field required"),
        ({"type": "webhook", "url": "ftp://x"}, "url: String should match"),
        ({"type": "webhook", "url": "http://x", "min_severity": "grave"}, "min_severity"),
        ({"type": "webhook", "url": "http://x", "behaviours": ["scam"]}, "behaviours.0"),
        ({"type": "webhook", "url": "http://x", "urll": 1}, "unknown setting 'urll'"),
        ({"type": "webhook", "url": "http://x", "secret_file": "/none"}, "secret_file /none"),
        ({"type": "apprise", "url": "nonsense"}, "Apprise knows no such address"),
        ({"type": "apprise", "url": "json://x", "body": "$sentense"}, "unknown field $sentense"),
        ({"type": "apprise", "url": "json://x", "body": "100 $"}, "write $$ for a dollar"),
        ({"type": "apprise"}, "either url or url_file"),
    ],
)
def test_a_wrong_table_says_what_is_wrong(table: dict[str, Any], told: str) -> None:
    with pytest.raises(SinkSetupError) as caught:
        make_sinks({"x": table})
    assert str(caught.value).startswith("[sinks.x]")
    assert told in str(caught.value)
