"""What is too much is refused with a typed answer, and the service stays as it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from websockets.exceptions import ConnectionClosed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.integration.conftest import Server, Zeek

SMALL = json.dumps({"max_body_mb": 0.01, "max_upload_mb": 0.05, "max_request_records": 5, "max_subscribers": 3})


@pytest.fixture(scope="module")
def small(serving_at: Callable[..., AbstractContextManager[Server]]) -> Iterator[Server]:
    """Return a service with small limits."""
    with serving_at(SocketIOConfig=SMALL) as server:
        yield server


@pytest.mark.parametrize("path", ["/traffic/analyze", "/machinelearning/predict", "/machinelearning/train"])
@pytest.mark.parametrize("size", [11_000, 5_000_000])
def test_a_body_that_is_too_large_is_a_413(small: Server, path: str, size: int) -> None:
    answer = small.http.post(path, content=b'{"traffic": "' + b"x" * size + b'"}')
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert "0.01 MiB" in answer.json()["detail"]


def test_a_body_of_unknown_length_is_cut_off_too(small: Server) -> None:
    pieces = (b"x" * 1000 for _ in range(100))
    answer = small.http.post("/traffic/analyze", content=pieces)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_an_upload_that_is_too_large_is_a_413_and_leaves_nothing(small: Server) -> None:
    answer = small.http.post("/machinelearning/train", files={"file": ("conn.log", b"x" * 200_000)})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert list((small.logs.parent / "state" / "uploads").iterdir()) == []


def test_too_many_records_are_a_413(small: Server, zeek: type[Zeek]) -> None:
    answer = small.http.post("/traffic/analyze", json={"traffic": [zeek.conn(n) for n in range(6)]})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_records")
    assert "at most 5" in answer.json()["detail"]


def test_one_subscriber_too_many_is_sent_away_politely(small: Server) -> None:
    with small.socket("/ws/alerts") as one, small.socket("/ws/scores") as two:  # and the terminal is the third
        assert all(json.loads(socket.recv(60))["type"] == "hello" for socket in (one, two))
        with small.socket("/ws/alerts") as third, pytest.raises(ConnectionClosed) as closed:
            third.recv(60)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1013, "too many subscribers")
