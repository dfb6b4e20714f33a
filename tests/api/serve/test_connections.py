"""Streams under strange and under many readers: bounded memory, shared messages, a reason for whatever is refused."""

from __future__ import annotations

import json
import resource
import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode

from api.serve.stream import StreamLimits
from api.serve.stream.allowance import Allowance
from api.serve.stream.scores import ScoresMessage
from api.serve.stream.shapes import websocket_frame
from api.serve.stream.wanted import Wanted
from api.state.store import AlertChange

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from websockets.sync.client import ClientConnection

    from tests.api.conftest import Examples
    from tests.api.serve.conftest import Light

HANDSHAKE = (
    "GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n{}\r\n"
)


def handshaken(light: Light, path: str = "/ws/alerts", more: str = "", behind: bytes = b"") -> socket.socket:
    """Return a bare connection that has asked for a stream, and has sent something `behind` that in one piece."""
    raw = socket.create_connection(("127.0.0.1", light.port), timeout=60)
    raw.sendall(HANDSHAKE.format(path, more).encode() + behind)
    return raw


def all_of(raw: socket.socket) -> bytes:
    """Read until the service ends the connection."""
    got = b""
    while piece := raw.recv(65536):
        got += piece
    return got


def message(stream: ClientConnection) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stream.recv(60))
    return found


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/ws/alerts?since_seq=abc", 422, "since_seq: "),
        ("/ws/alerts?since_seq=-1", 422, "since_seq: "),
        ("/ws/alerts?since=2h", 422, "since: unknown query parameter"),
        ("/ws/scores?min_score=2", 422, "min_score: "),
        ("/ws/scores?divice=1", 422, "divice: unknown query parameter"),
        ("/ws/no", 404, "/ws/alerts"),
        ("/alerts", 404, "/ws/alerts"),
    ],
)
def test_a_refused_handshake_says_why(light: Light, path: str, status: int, told: str) -> None:
    with pytest.raises(InvalidStatus) as refused, light.socket(path):
        pass
    answer = refused.value.response
    assert (answer.status_code, answer.headers["x-frame-options"]) == (status, "DENY")
    assert told in json.loads(answer.body)["detail"]


def test_an_address_or_a_header_that_is_too_long_is_answered(light: Light) -> None:
    with handshaken(light, "/ws/alerts?x=" + "y" * 30_000) as raw:
        assert all_of(raw).startswith(b"HTTP/1.1 414")
    with handshaken(light, more=f"X-Long: {'y' * 30_000}\r\n") as raw:
        assert all_of(raw).startswith(b"HTTP/1.1 431")
    with handshaken(light, more="".join(f"X-{n}: y\r\n" for n in range(200))) as raw:
        assert all_of(raw).startswith(b"HTTP/1.1 431")
    assert light.get("/health").status_code == 200


def test_frames_that_come_with_the_handshake_are_answered(light: Light) -> None:
    """A reader should wait for the answer to its handshake (RFC 6455, 4.1); what one says that does not is heard."""
    ping, bye = Frame(Opcode.PING, b"1").serialize(mask=True), Frame(Opcode.CLOSE, b"").serialize(mask=True)
    with handshaken(light, behind=ping + bye) as raw:
        assert all_of(raw).endswith(b"\r\n\r\n\x8a\x011\x88\x00")


def test_what_readers_do_wrong_fills_no_log(light: Light, caplog: pytest.LogCaptureFixture) -> None:
    for path in ("/ws/no", "/ws/alerts?since_seq=x"):
        with handshaken(light, path) as raw:
            assert all_of(raw).startswith(b"HTTP/1.1 4")
    with handshaken(light, behind=Frame(Opcode.TEXT, b"\xff").serialize(mask=True)) as raw:
        assert b"\x88\x18\x03\xeftext that is not UTF-8" in all_of(raw)  # 1007: RFC 6455, 7.4.1
    with socket.create_connection(("127.0.0.1", light.port), timeout=60) as raw:
        raw.sendall(b"POST /traffic/analyze HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
        light.until(lambda: light.running > 0)
    light.until(lambda: light.running == 0)
    assert caplog.records == []


def test_large_messages_of_readers_are_refused_and_cost_nothing(light: Light) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    frame = Frame(Opcode.TEXT, b"x" * 15_000_000).serialize(mask=True)[:14_000_000]
    with ExitStack() as stack:
        for _ in range(10):
            raw = stack.enter_context(handshaken(light))
            try:
                raw.sendall(frame)
            except (BrokenPipeError, ConnectionResetError):
                continue
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 100_000  # of the 137 MiB that were sent, and this process holds 28 itself
    with light.socket("/ws/alerts") as stream:
        stream.send("x" * 5000)
        assert message(stream)["type"] == "hello"
        with pytest.raises(ConnectionClosed) as closed:
            stream.recv(60)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


def test_every_reader_gets_every_alert_in_order(
    lightly: Callable[..., AbstractContextManager[Light]], examples: type[Examples]
) -> None:
    readers, alerts = 30, 600
    with lightly(limits=StreamLimits(subscriber_queue=alerts)) as light, ExitStack() as stack:
        streams = [stack.enter_context(light.socket("/ws/alerts")) for _ in range(readers)]
        for start in range(0, alerts, 10):
            light.hub.publish_alerts([AlertChange("raised", examples.alert(f"a{n}")) for n in range(start, start + 10)])
        for stream in streams:
            assert message(stream)["type"] == "hello"
            assert [message(stream)["seq"] for _ in range(alerts)] == list(range(1, alerts + 1))


def test_readers_of_scores_share_what_is_encoded(examples: type[Examples], monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    shown = examples.scored(100, anomalous=(7,))
    monkeypatch.setattr("api.serve.stream.scores.score_row", lambda _batch, row: encoded.append(row) or {"row": row})
    scores = ScoresMessage(1, shown, 0, 100)
    wanted = [Wanted(), Wanted(0.5), Wanted(devices=("192.168.1.1",)), Wanted(0.1), Wanted(0.2)]
    assert [scores.cost(one) for one in wanted] == [100, 1, 50, 1, 1]
    frames = [scores.shaped(one, websocket_frame) for one in wanted for _ in range(20)]
    assert len(encoded) == 100
    assert frames[0] is frames[19]
    assert [scores.cost(one) for one in wanted] == [0] * 5


def test_who_cannot_follow_the_scores_gets_some_and_is_told_of_the_rest(
    lightly: Callable[..., AbstractContextManager[Light]], examples: type[Examples], monkeypatch: pytest.MonkeyPatch
) -> None:
    spent = Allowance(lambda: 0.0, rows_per_s=18_000)  # 4,500 rows, and time stands still
    monkeypatch.setattr("api.serve.stream.hub.Allowance", lambda _now: spent)
    with lightly() as light, light.socket("/ws/scores") as stream, light.socket("/ws/scores?min_score=0.5") as few:
        assert message(stream)["type"] == message(few)["type"] == "hello"
        for _ in range(30):
            light.hub.publish_scores(examples.scored(1000, anomalous=(3,)))
        seq, kinds = 0, set()
        while seq < 30:
            got = message(stream)
            seq += got["dropped"] if got["type"] == "gap" else 1
            kinds.add(got["type"])
            assert got["seq"] == seq
        assert kinds == {"scores", "gap"}
        assert [[row["uid"] for row in message(few)["scores"]] for _ in range(30)] == [["C3"]] * 30


def test_an_allowance_comes_back_with_time() -> None:
    now = [0.0]
    allowance = Allowance(lambda: now[0], rows_per_s=100)
    assert [allowance.take(20), allowance.take(20)] == [True, False]
    now[0] = 0.2
    assert [allowance.take(25), allowance.take(1)] == [True, False]
    now[0] = 100.0
    assert [allowance.take(26), allowance.take(25)] == [False, True]


def test_readers_that_leave_or_stand_still_hold_up_neither_health_nor_the_end(
    lightly: Callable[..., AbstractContextManager[Light]], examples: type[Examples]
) -> None:
    with ExitStack() as stack:
        with lightly() as light:
            stuck = [stack.enter_context(handshaken(light, "/ws/scores")) for _ in range(20)]
            with ExitStack() as leaving:
                for _ in range(20):
                    leaving.enter_context(light.socket("/ws/scores"))
            for _ in range(200):
                light.hub.publish_scores(examples.scored(1000))
            assert light.get("/health").json()["stages"]["stream"]["score_subscribers"] == len(stuck)
            begin = time.monotonic()
        assert time.monotonic() - begin < 30  # three seconds of grace; a bound, not a measure
