"""`GET /events`: what `/ws/alerts` sends, as server-sent events, over the real server."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from api.serve.stream import StreamLimits
from api.serve.stream.messages import alert_message
from api.serve.stream.queries import ServerSentQuery
from api.serve.stream.shapes import server_sent_event
from api.serve.stream.wanted import Wanted
from api.service import Access
from api.state.store import AlertChange
from tests.api.conftest import is_described

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.api.conftest import Examples
    from tests.api.serve.conftest import Light

    Serve = Callable[..., AbstractContextManager[Light]]

Event = tuple[str, dict[str, Any]]


def events_of(response: httpx.Response) -> Iterator[Event]:
    """Yield id and data of each event, as HTML 9.2.6 reads them; comments are passed over."""
    identifier, data = "", ""
    for line in response.iter_lines():
        name, _, value = line.partition(": ")
        if name == "id":
            identifier = value
        elif name == "data":
            data += value
        elif not line and data:
            message = json.loads(data)
            assert is_described(message, "server-sent-events")
            yield identifier, message
            data = ""


@contextmanager
def listening(light: Light, query: str = "", **headers: str) -> Iterator[Iterator[Event]]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    with httpx.stream("GET", f"{light.url}/events{query}", headers=sent, timeout=60) as response:
        assert (response.status_code, response.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        yield events_of(response)


def raise_alerts(light: Light, examples: type[Examples], count: int, **changes: Any) -> None:
    light.hub.publish_alerts([AlertChange("raised", examples.alert(f"a{n}", **changes)) for n in range(count)])


def told(events: Iterator[Event], count: int) -> list[tuple[str, str, int]]:
    """Return id, type and number of the next events."""
    return [
        (identifier, message["type"], message["seq"]) for identifier, message in (next(events) for _ in range(count))
    ]


def test_the_messages_are_those_of_the_websocket_with_their_numbers_as_ids(
    lightly: Serve, examples: type[Examples]
) -> None:
    with lightly() as light, listening(light) as events, light.socket("/ws/alerts") as stream:
        greeting = next(events), json.loads(stream.recv(60))
        assert greeting[0] == ("0", greeting[1])
        raise_alerts(light, examples, 3)
        light.hub.publish_alerts([AlertChange("closed", examples.alert("a0", status="closed"))])
        for number in range(1, 5):
            assert next(events) == (str(number), json.loads(stream.recv(60)))


def test_an_event_is_made_once_for_all_readers(examples: type[Examples]) -> None:
    message = alert_message(7, AlertChange("raised", examples.alert()))
    first = message.shaped(Wanted(), server_sent_event)
    assert first is message.shaped(Wanted(), server_sent_event)
    assert first.endswith(b"}\nid: 7\n\n")


def test_delays_are_counted_of_what_is_told_for_the_first_time(lightly: Serve, examples: type[Examples]) -> None:
    with lightly() as light, listening(light) as events:
        next(events)
        raised, ago = examples.alert("a"), time.monotonic() - 20.0
        light.hub.publish_alerts([AlertChange("raised", raised, raised_at=ago), AlertChange("closed", raised)])
        assert [seq for _, _, seq in told(events, 2)] == [1, 2]
        light.until(lambda: light.hub.sent_delays.total > 0)
        counts = dict(light.hub.sent_delays.buckets())
        assert (counts["10.0"], counts["300.0"], counts["+Inf"]) == (0, 1, 1)
        assert 'nslabs_alert_sent_delay_seconds_bucket{le="300.0"} 1.0' in light.get("/metrics").text


def test_who_comes_back_gets_what_it_missed_once(lightly: Serve, examples: type[Examples]) -> None:
    with lightly(limits=StreamLimits(history=3)) as light:
        raise_alerts(light, examples, 5)
        with light.socket("/ws/alerts?since_seq=4") as stream:
            assert [json.loads(stream.recv(60))["seq"] for _ in range(2)] == [5, 5]
        with listening(light, "?since_seq=3") as events:
            assert told(events, 3) == [("3", "hello", 5), ("4", "alert", 4), ("5", "alert", 5)]
        with listening(light, last_event_id="4") as events:
            assert told(events, 2) == [("4", "hello", 5), ("5", "alert", 5)]
        with listening(light, "?since_seq=0", last_event_id="5") as events:  # as a browser that reconnects
            assert told(events, 1) == [("5", "hello", 5)]
            raise_alerts(light, examples, 1)
            assert told(events, 1) == [("6", "alert", 6)]
        with listening(light, "?since_seq=1") as events:
            assert told(events, 3) == [("1", "hello", 6), ("3", "gap", 3), ("4", "alert", 4)]
        with listening(light, last_event_id="77") as events:
            assert told(events, 3) == [("77", "hello", 6), ("3", "gap", 3), ("4", "alert", 4)]


def test_a_slow_reader_is_told_its_gap(lightly: Serve, examples: type[Examples]) -> None:
    with lightly(limits=StreamLimits(subscriber_queue=2)) as light, listening(light) as events:
        next(events)
        raise_alerts(light, examples, 50)
        assert told(events, 3) == [("48", "gap", 48), ("49", "alert", 49), ("50", "alert", 50)]


@pytest.mark.parametrize(
    ("query", "headers", "status", "code"),
    [
        ("?since=1", {}, 422, "wrong_parameter"),
        ("?since_seq=-1", {}, 422, "wrong_parameter"),
        ("", {"last-event-id": "x"}, 422, "wrong_parameter"),
        ("", {"host": "evil.example"}, 403, "wrong_host"),
        ("", {"origin": "https://evil.example"}, 403, "wrong_origin"),
        ("", {"sec-fetch-site": "cross-site"}, 403, "wrong_origin"),
    ],
)
def test_what_is_wrong_is_refused(light: Light, query: str, headers: dict[str, str], status: int, code: str) -> None:
    answer = light.get("/events" + query, **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("headers", [{"sec_fetch_site": "same-origin"}, {"origin": "https://grafana.example"}])
def test_own_and_allowed_pages_may_listen(lightly: Serve, headers: dict[str, str]) -> None:
    with lightly(Access(cors_origins=("https://grafana.example",))) as light, listening(light, **headers) as events:
        assert told(events, 1) == [("0", "hello", 0)]


def test_head_ends_and_counts_for_nobody(light: Light) -> None:
    answer = httpx.head(light.url + "/events", timeout=60)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "x-accel-buffering" in answer.headers
    assert light.hub.subscribers == 0


def test_readers_count_among_the_subscribers(lightly: Serve) -> None:
    with lightly(limits=StreamLimits(max_subscribers=1)) as light:
        with listening(light) as events:
            next(events)
            assert light.get("/health").json()["stages"]["stream"]["alert_subscribers"] == 1
            answer = light.get("/events")
            assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "busy", "5")
            with light.socket("/ws/alerts") as stream, pytest.raises(ConnectionClosed, match="too many subscribers"):
                stream.recv(60)
        light.until(lambda: light.hub.subscribers == 0)
        with listening(light) as events:
            assert told(events, 1) == [("0", "hello", 0)]


def test_a_silent_connection_shows_that_it_lives(light: Light, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.serve.stream.events._BEAT_S", 0.01)
    with httpx.stream("GET", light.url + "/events", timeout=60) as response:
        lines = response.iter_lines()
        assert next(line for line in lines if line.startswith(":")) == ": ping"


def test_a_reader_that_takes_nothing_is_dropped(
    lightly: Serve, examples: type[Examples], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.serve.stream.events._UNREAD_S", 0.1)
    with lightly() as light, socket.create_connection(("127.0.0.1", light.port)) as raw:
        raw.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        light.until(lambda: light.hub.subscribers == 1)
        raise_alerts(light, examples, 200, sentence="x" * 100_000)
        light.until(lambda: light.hub.subscribers == 0)


def test_events_end_with_the_login(lightly: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.serve.stream.events._BEAT_S", 1e6)  # which would find it out, too
    with lightly() as light:
        token = light.token("reader", ["read"])
        assert light.get("/events").status_code == 401
        with listening(light, authorization=f"Bearer {token}") as events:
            next(events)
            light.revoke("reader")
            assert list(events) == []
        light.until(lambda: light.hub.subscribers == 0)


def test_events_end_in_order_with_the_service(
    lightly: Serve, examples: type[Examples], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that the server had to cancel would have no end, which the client takes for an error."""
    monkeypatch.setattr("api.serve.server._GRACE_S", 600)
    ended: list[list[Event]] = []
    with lightly() as light:
        ready = threading.Event()

        def listen() -> None:
            with listening(light) as events:
                next(events)
                raise_alerts(light, examples, 1)
                next(events)
                ready.set()
                ended.append(list(events))

        reader = threading.Thread(target=listen)
        reader.start()
        assert ready.wait(60)
    reader.join(60)
    assert ended == [[]]


def test_the_description_tells_of_the_events(light: Light) -> None:
    described = light.get("/openapi.json").json()["paths"]["/events"]["get"]
    assert set(described["responses"]["200"]["content"]) == {"text/event-stream"}
    assert {parameter["name"] for parameter in described["parameters"]} == {
        "Last-Event-ID",
        *ServerSentQuery.model_fields,
    }
