"""Readers over a restart and a kill -9 of the service: each ends with every number once, and nothing is missing."""

from __future__ import annotations

import asyncio
import json
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from api.client import AsyncClient, Client
from api.state.store import AlertWriter
from tests.integration.conftest import nslabs, running
from tests.integration.test_groups import alert

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.integration.conftest import Server

READERS = 20
OPEN = 40
LAST = "192.168.9.9"
PATIENCE_S = 600


class Readers:
    """Readers in a loop of their own: half of them in batches, a quarter filtered so that they want everything."""

    def __init__(self, url: str) -> None:
        self.got: list[list[dict[str, Any]]] = [[] for _ in range(READERS)]
        self._url = url
        self._connected = threading.Semaphore(0)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()))
        self._thread.start()
        for _ in range(READERS):
            assert self._connected.acquire(timeout=PATIENCE_S)

    async def _all(self) -> None:
        async with AsyncClient(self._url) as client, asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*(self._read(client, number) for number in range(READERS)))

    async def _read(self, client: AsyncClient, number: int) -> None:
        filters = {"batch_ms": 10 * (number + 1) if number % 2 else None, "severity": None if number % 4 else "low"}
        stream = client.stream("alerts", since_seq=0, **filters)
        reading = asyncio.ensure_future(self._until_last(stream, self.got[number]))
        while not self.got[number] and not reading.done():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.02)
        self._connected.release()
        await reading

    @staticmethod
    async def _until_last(stream: Any, got: list[dict[str, Any]]) -> None:
        async for message in stream:
            got.append(message)
            if message["type"] == "alert" and message["alert"]["device"] == LAST:
                return

    def joined(self) -> list[list[dict[str, Any]]]:
        """Wait until all have read the last alert; return what each got."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        return self.got


def change_all(server: Server, client: Client) -> None:
    """Have every open alert told of twice: a rule hides it, and gives it back."""
    rule = client.mute("a test", device="192.168.1.0/24")
    server.until(lambda: sum(1 for _ in client.alerts(muted=True)) == OPEN)
    client.unmute(rule["id"])
    server.until(lambda: sum(1 for _ in client.alerts()) == OPEN + 1)


@pytest.mark.slow
def test_every_reader_ends_with_every_number_exactly_once(tmp_path: Path) -> None:
    logs, state = tmp_path / "logs", tmp_path / "state"
    logs.mkdir(), state.mkdir()
    writer = AlertWriter(state / "alerts.sqlite3")
    writer.upsert([*(alert(number) for number in range(OPEN)), alert(OPEN, device=LAST)])
    writer.close()

    def served(listen: str) -> AbstractContextManager[Server]:
        return running(nslabs("run", "--logs", logs, "--state", state, "--listen", listen), logs)

    with served("127.0.0.1:0") as first, Client(first.url) as client:
        change_all(first, client)
        readers = Readers(first.url)
        change_all(first, client)
        assert first.stop()[0] == 0
        listen = first.url.removeprefix("http://")
    with served(listen) as second, Client(second.url) as client:
        change_all(second, client)
        client.mute("a test", device="192.168.1.0/24")
        second.stop(signal.SIGKILL)
    with served(listen) as third, Client(third.url) as client:
        for rule in list(client.rules()):
            client.unmute(rule["id"])
        third.until(lambda: sum(1 for _ in client.alerts()) == OPEN + 1)
        change_all(third, client)
        client.mute("the last", device=LAST)
        everyone = readers.joined()
        with third.socket("/ws/events?since_seq=0") as stream:
            until = json.loads(stream.recv(60))["seq"]
            events = [json.loads(stream.recv(60)) for _ in range(until)]

    told: dict[int, dict[str, Any]] = {}
    for got in everyone:
        assert [message["seq"] for message in got] == list(range(1, len(got) + 1))
        for message in got:
            assert message["type"] != "gap"
            assert told.setdefault(message["seq"], message) == message
    assert len({got[-1]["seq"] for got in everyone}) == 1
    assert [event["seq"] for event in events] == list(range(1, until + 1))
    assert sum(event["type"] == "health" and event["status"] == "starting" for event in events) <= 3
    assert {event["type"] for event in events} == {"health"}
    assert all(sum(message["type"] == "alert" for message in got) > 4 * OPEN for got in everyone)
