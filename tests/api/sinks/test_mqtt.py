"""MQTT, against a real Mosquitto: what Home Assistant needs, and nothing lost while the broker is down."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import aiomqtt
import orjson
import pytest

from tests.api.sinks.conftest import first_of_each, free_port, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.api.sinks.conftest import Desk

MOSQUITTO = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")

pytestmark = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto not on PATH: apt install mosquitto")


class Broker:
    """A real Mosquitto that keeps sessions over a kill."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        (folder / "conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser root\nmax_queued_messages 0\n"
            f"max_inflight_messages 0\npersistence true\npersistence_location {folder}/\nautosave_on_changes true\n"
            "autosave_interval 1\n",
            encoding="utf-8",
        )
        self.start()

    def start(self) -> None:
        """Start the broker."""
        command = [str(MOSQUITTO), "-c", str(self._folder / "conf")]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        """End the broker without warning."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    (tmp_path / "broker").mkdir()
    made = Broker(tmp_path / "broker")
    yield made
    made.kill()


async def connected(broker: Broker) -> aiomqtt.Client:
    """Return a client with a session that lasts, once the broker answers."""
    async with asyncio.timeout(60):
        while True:
            client = aiomqtt.Client(
                "127.0.0.1",
                broker.port,
                identifier="reader",
                clean_session=False,
                protocol=aiomqtt.ProtocolVersion.V311,
            )
            try:
                return await client.__aenter__()
            except aiomqtt.MqttError:
                await asyncio.sleep(0.05)


async def messages(client: aiomqtt.Client, into: list[tuple[str, dict[str, Any]]]) -> None:
    """Keep all that comes until the broker goes."""
    try:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            into.append((str(message.topic), orjson.loads(message.payload)))
    except aiomqtt.MqttError:
        pass


def test_home_assistant_finds_the_device_by_its_mac(broker: Broker, desk: Desk) -> None:
    desk.prepare(mqtt={"host": "127.0.0.1", "port": broker.port})
    got: list[tuple[str, dict[str, Any]]] = []

    async def scenario() -> None:
        client = await connected(broker)
        await client.subscribe("#", qos=1)
        reading = asyncio.create_task(messages(client, got))
        desk.writer.upsert([desk.examples.alert("a1", sentence="#+/\n\x1b")])
        desk.writer.upsert([desk.examples.alert("a1", count=2, status="closed")])
        async with desk.running():
            await until(lambda: len(got) == 5)
        reading.cancel()

    asyncio.run(scenario())
    topics = [topic for topic, _ in got]
    device = "nslabs/default/devices/020000000017"
    found = "homeassistant/device/nslabs_default_020000000017/config"
    assert topics == ["nslabs/default/alerts", found, device, "nslabs/default/alerts", device]
    config = got[1][1]
    assert config["device"]["connections"] == [["mac", "02:00:00:00:00:17"]]
    assert config["device"]["name"] == "porch-camera"
    assert config["components"]["problem"]["device_class"] == "problem"
    assert config["state_topic"] == device
    assert {"platform", "unique_id"} <= config["components"]["alert"].keys()
    assert [got[2][1]["problem"], got[4][1]["problem"]] == ["OFF", "OFF"]  # in the latest state: closed by then
    assert got[4][1]["event_type"] == "closed"
    assert got[0][1]["id"] == "a1"


@pytest.mark.slow
def test_killed_for_five_thousand_alerts_it_gets_each_in_order(broker: Broker, desk: Desk) -> None:
    sinks = desk.prepare(mqtt={"host": "127.0.0.1", "port": broker.port, "discovery": ""})
    got: list[tuple[str, dict[str, Any]]] = []

    async def scenario() -> list[str]:
        client = await connected(broker)
        await client.subscribe("nslabs/+/alerts", qos=1)
        reading = asyncio.create_task(messages(client, got))
        async with desk.running():
            names = desk.raise_alerts(100)
            await until(lambda: len(got) == 100)
            broker.kill()
            names += await asyncio.to_thread(desk.raise_alerts, 5000, 100)
            await until(lambda: sinks.statuses()[0].error)
            broker.start()
            await reading
            again = asyncio.create_task(messages(await connected(broker), got))
            await until(lambda: sinks.statuses()[0].delivered == 5100)
            await until(lambda: len(got) >= 5100)
            again.cancel()
        return names

    names = asyncio.run(scenario())
    assert first_of_each(fields["id"] for _, fields in got) == names
