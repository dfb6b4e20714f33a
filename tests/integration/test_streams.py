"""WebSocket subscribers of a real service: filters, foreign pages, and one that does not read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from websockets.sync.client import ClientConnection

    from tests.integration.conftest import Server, Zeek

    Serve = Callable[..., AbstractContextManager[Server]]

MANY = 150_000


def messages(stream: ClientConnection) -> Iterator[dict[str, Any]]:
    while True:
        yield json.loads(stream.recv(60))


def test_a_device_can_be_watched_alone(server: Server, zeek: type[Zeek]) -> None:
    with server.socket("/ws/scores?device=192.168.1.40") as stream:
        incoming = messages(stream)
        assert next(incoming)["type"] == "hello"
        devices = ["192.168.1.40", "192.168.1.41"] * 20
        server.append("conn.log", *(zeek.line(zeek.conn(n, **{"id.orig_h": d})) for n, d in enumerate(devices)))
        rows: list[dict[str, Any]] = []
        while len(rows) < 20:
            rows += next(incoming)["scores"]
        assert {row["device"] for row in rows} == {"192.168.1.40"}


@pytest.mark.parametrize(
    "path", ["/ws/scores?min_score=2", "/ws/scores?min_score=x", "/ws/alerts?since_seq=-1", "/ws/no"]
)
def test_wrong_addresses_are_refused(server: Server, path: str) -> None:
    with pytest.raises(InvalidStatus), server.socket(path):
        pass


def test_pages_of_other_origins_cannot_listen(server: Server) -> None:
    address = server.url.replace("http", "ws") + "/ws/alerts"
    with pytest.raises(InvalidStatus) as refused, connect(address, origin="https://evil.example"):  # type: ignore[arg-type] # a plain string is an origin
        pass
    assert refused.value.response.status_code == 403
    with connect(address, origin=server.url) as own:  # type: ignore[arg-type] # the same
        assert json.loads(own.recv(60))["type"] == "hello"


@pytest.mark.slow
def test_who_does_not_read_is_told_what_it_missed_and_holds_up_nobody(serve: Serve, zeek: type[Zeek]) -> None:
    with serve(SocketIOConfig='{"subscriber_queue": 4}') as server, server.socket("/ws/scores") as slow:
        server.append("conn.log", *(zeek.line(zeek.conn(n)) for n in range(MANY)))
        server.until(lambda: server.scored() == MANY)
        assert server.health()["stages"]["stream"]["lag_messages"] <= 4
        incoming = messages(slow)
        assert next(incoming)["type"] == "hello"
        seen, missed, seq = 0, 0, 0
        while seen + missed < MANY / 1000:
            message = next(incoming)
            if message["type"] == "gap":
                missed += message["dropped"]
                seq += message["dropped"]
            else:
                seen += 1
                seq += 1
            assert message["seq"] == seq
        assert missed > 0
