"""Socket.IO, as its own clients see it: npm's in Node and python-socketio's, over the real server."""

from __future__ import annotations

import importlib.util
import json
import shutil
import socket
import subprocess
import threading
from collections import deque
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import socketio
from socketio.exceptions import ConnectionError as RefusedError
from websockets.exceptions import ConnectionClosed

from api.assembly import assembled
from api.errors import SettingsError
from api.serve.stream import StreamLimits
from api.service import Access
from api.settings import load_settings
from api.state.store import AlertChange
from tests.api.conftest import is_described, is_socketio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.api.conftest import Examples
    from tests.api.serve.conftest import Light

    Serve = Callable[..., AbstractContextManager[Light]]

PACKAGES = Path(__file__).resolve().parents[3] / ".cache" / "ecs"
PROGRAM = Path(__file__).with_name("socketio_client.js")
ACCESS = Access(socketio=True)
HANDSHAKE = "/socket.io/?EIO=4&transport=polling"


@pytest.fixture(scope="module")
def served(lightly: Serve) -> Iterator[Light]:
    """Return a service that speaks Socket.IO, without a login."""
    with lightly(ACCESS) as light:
        yield light


@contextmanager
def connected(light: Light, **auth: Any) -> Iterator[socketio.SimpleClient]:
    """Connect with python-socketio."""
    with socketio.SimpleClient() as client:
        client.connect(light.url, auth=auth, transports=["websocket"], wait_timeout=60)
        yield client


@contextmanager
def node(light: Light, transports: str = "websocket", **auth: Any) -> Iterator[Iterator[list[Any]]]:
    """Connect with npm's client; yield what it tells."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("node not on PATH: apt-get install nodejs npm")
    if not (PACKAGES / "node_modules" / "socket.io-client").is_dir():
        pytest.skip("npm's socket.io-client absent: npm install --prefix .cache/ecs socket.io-client")
    command = [program, PROGRAM, light.url, json.dumps(auth), PACKAGES, transports]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        ended = threading.Timer(60, process.kill)
        ended.start()
        try:
            yield map(json.loads, process.stdout)
        finally:
            process.stdin.close()
            process.wait(60)
            ended.cancel()


def raise_alerts(light: Light, examples: type[Examples], count: int) -> None:
    light.hub.publish_alerts([AlertChange("raised", examples.alert(f"a{n}")) for n in range(count)])


def told(events: Iterator[list[Any]], count: int) -> list[tuple[Any, ...]]:
    """Return name and number of the next events, and of which stream they are where both have such."""
    got = [next(events) for _ in range(count)]
    assert all(is_described(event[1]) and is_socketio(*event) for event in got)
    return [(name, message["seq"], *of) for name, message, *of in got]


def received(client: socketio.SimpleClient) -> Iterator[list[Any]]:
    while True:
        yield client.receive(timeout=60)


@pytest.mark.parametrize("transports", ["websocket", "polling", "polling,websocket"])
def test_npms_client_gets_alerts_and_scores_as_they_come(
    lightly: Serve, examples: type[Examples], transports: str
) -> None:
    with lightly(ACCESS) as light, node(light, transports) as events:
        name, transport = next(events)
        assert name == "connected"
        assert transport in transports.split(",")  # of two either: the upgrade may be there before the connection
        assert told(events, 2) == [("hello", 0, "alert"), ("hello", 0, "score")]
        raise_alerts(light, examples, 30)
        assert told(events, 30) == [("alert", number) for number in range(1, 31)]
        light.hub.publish_scores(examples.scored(4, anomalous=(1,)))
        name, message = next(events)
        assert is_socketio(name, message)
        assert (name, message["type"], len(message["scores"])) == ("score", "scores", 4)


def test_npms_client_is_refused_without_a_token_and_goes_with_it(lightly: Serve) -> None:
    with lightly(ACCESS) as light:
        token = light.token("reader", ["read"])
        with node(light) as events:
            problem, _, data = next(events)
            assert (problem, data) == ("connect_error", {"code": "login_required", "status": 401})
        with node(light, token=token, events=["alert"]) as events:
            assert [event[0] for event in (next(events), next(events))] == ["connected", "hello"]
            light.revoke("reader")
            assert next(events) == ["disconnected", "io server disconnect"]
        light.until(lambda: light.hub.subscribers == 0)


def test_who_comes_back_gets_what_it_missed_once(lightly: Serve, examples: type[Examples]) -> None:
    with lightly(ACCESS, StreamLimits(history=20)) as light:
        raise_alerts(light, examples, 50)
        with connected(light, events=["alert"], since_seq=40) as client:
            events = received(client)
            assert told(events, 11) == [("hello", 50, "alert"), *(("alert", number) for number in range(41, 51))]
            raise_alerts(light, examples, 1)
            assert told(events, 1) == [("alert", 51)]
        with connected(light, events=["alert"], since_seq=5) as client:
            events = received(client)
            assert told(events, 22) == [
                ("hello", 51, "alert"),
                ("gap", 31, "alert"),
                *(("alert", number) for number in range(32, 52)),
            ]


def test_a_slow_reader_is_told_its_gap_and_what_waits_for_it_is_bounded(
    lightly: Serve, examples: type[Examples]
) -> None:
    """By long polling a reader takes nothing until it asks: until then eight packets wait, and the hub's queue."""
    with lightly(ACCESS, StreamLimits(subscriber_queue=2)) as light:
        opened = light.get(HANDSHAKE).text
        polled = f"{HANDSHAKE}&sid={json.loads(opened[1:])['sid']}"
        assert light.http.post(polled, content='40{"events":["alert"]}').text == "OK"
        light.until(lambda: light.hub.subscribers == 1)
        for _ in range(40):
            raise_alerts(light, examples, 10)
            light.get("/livez")
        got: list[list[Any]] = []
        while not got or got[-1][1]["seq"] < 400:
            packets = light.get(polled).text.split("\x1e")
            assert len(packets) <= 10
            got += [json.loads(packet[2:]) for packet in packets if packet.startswith("42")]
        assert [got[0][0], got[-1][0]] == ["hello", "alert"]
        missed = [message["dropped"] for name, message, *_ in got if name == "gap"]
        assert missed
        assert sum(missed) + sum(name == "alert" for name, *_ in got) == 400


def test_scores_are_narrowed(served: Light, examples: type[Examples]) -> None:
    with connected(served, events=["score"], min_score=0.5, device="192.168.1.1") as client:
        events = received(client)
        assert told(events, 1) == [("hello", 0, "score")]
        served.hub.publish_scores(examples.scored(4, anomalous=(1, 2)))
        assert [row["uid"] for row in next(events)[1]["scores"]] == ["C1"]


@pytest.mark.parametrize(
    ("auth", "says"),
    [
        ({"since_seq": -1}, "auth.since_seq: "),
        ({"events": ["alerts"]}, "auth.events.0: "),
        ({"sinceseq": 1}, "auth.sinceseq: unknown; expected any of token, events"),
        (["x"], "auth: "),
    ],
)
def test_what_is_asked_wrongly_is_refused_with_its_name(served: Light, auth: Any, says: str) -> None:
    client = socketio.Client(reconnection=False)
    refused: list[dict[str, Any]] = []
    client.on("connect_error", refused.append)
    with pytest.raises(RefusedError):
        client.connect(served.url, auth=auth, transports=["websocket"], wait_timeout=60)
    assert refused[0]["data"] == {"code": "wrong_parameter", "status": 422}
    assert refused[0]["message"].startswith(says)


def test_scopes_count_and_wrong_tokens_are_counted(lightly: Serve) -> None:
    with lightly(ACCESS) as light:
        trainer, admin = light.token("trainer", ["train"]), light.token("admin", ["admin"])
        for token, code in ((trainer, "wrong_scope"), ("guess", "wrong_token")):
            client = socketio.Client(reconnection=False)
            refused: list[dict[str, Any]] = []
            client.on("connect_error", refused.append)
            with pytest.raises(RefusedError):
                client.connect(light.url, auth={"token": token}, transports=["websocket"], wait_timeout=60)
            assert refused[0]["data"]["code"] == code
        entries = light.get("/audit", authorization=f"Bearer {admin}").json()["entries"]
        assert [(entry["object"], entry["status"]) for entry in entries if entry["action"] == "login"] == [
            ("/socket.io/", 401)
        ]
        with socketio.SimpleClient() as client:
            client.connect(light.url, headers={"Authorization": f"Bearer {admin}"}, wait_timeout=60)
            assert client.receive(timeout=60)[0] == "hello"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"host": "evil.example"}, "wrong_host"),
        ({"origin": "https://evil.example"}, "wrong_origin"),
        ({"sec-fetch-site": "cross-site"}, "wrong_origin"),
    ],
)
def test_other_names_and_pages_are_refused(served: Light, headers: dict[str, str], code: str) -> None:
    answer = served.get(HANDSHAKE, **headers)
    assert (answer.status_code, answer.json()["code"]) == (403, code)


def test_readers_count_among_the_subscribers(lightly: Serve) -> None:
    with lightly(ACCESS, StreamLimits(max_subscribers=1)) as light, connected(light, events=["alert"]) as client:
        assert client.receive(timeout=60)[0] == "hello"
        assert light.hub.subscribers == 1
        assert light.get("/events").status_code == 503
        with pytest.raises(RefusedError), connected(light, events=["alert"]):
            pass


def test_who_does_not_say_who_it_is_is_closed_in_time_and_not_many_may_wait(
    lightly: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.serve.stream.socket_io._PATIENCE_S", 0.5)
    monkeypatch.setattr("api.serve.stream.socket_io._MOST_STRANGERS", 1)
    with lightly(ACCESS) as light:
        assert light.get(HANDSHAKE).status_code == 200
        light.until(lambda: light.get(HANDSHAKE).status_code == 503)
        light.until(lambda: light.get(HANDSHAKE).status_code == 200)


def test_connections_end_at_once_with_the_service(lightly: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.serve.server._GRACE_S", 600)
    answers: list[int] = []
    with lightly(ACCESS) as light, light.socket(HANDSHAKE.replace("polling", "websocket")) as stream:
        opened, _, of = str(stream.recv(60)), stream.send("40"), light.get(HANDSHAKE).text
        assert opened.startswith("0{")
        poll = f"{light.url}{HANDSHAKE}&sid={json.loads(of[1:])['sid']}"
        polling = threading.Thread(target=lambda: answers.append(httpx.get(poll, timeout=60).status_code))
        polling.start()
        light.until(lambda: light.running == 2)
        light.stop()
        polling.join(60)
        with pytest.raises(ConnectionClosed):
            deque(iter(lambda: stream.recv(60), None), maxlen=0)
    assert answers == [400]


def test_who_hangs_up_while_it_polls_is_gone(served: Light) -> None:
    polled = f"{HANDSHAKE}&sid={json.loads(served.get(HANDSHAKE).text[1:])['sid']}"
    assert served.http.post(polled, content="40").text == "OK"
    served.until(lambda: served.hub.subscribers == 2)
    with served.http.stream("GET", polled) as greeting:
        assert greeting.read().startswith(b"40{")
    with socket.create_connection(("127.0.0.1", served.port)) as raw:
        raw.sendall(f"GET {polled} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        served.until(lambda: served.running == 1)
    served.until(lambda: served.hub.subscribers == 0)


def test_head_opens_nothing(served: Light) -> None:
    assert httpx.head(served.url + HANDSHAKE).status_code == 405


def test_it_is_off_unless_it_is_switched_on(light: Light) -> None:
    assert light.get(HANDSHAKE).status_code == 404


def test_a_missing_package_is_told_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings(
        overrides={
            "TrafficAnalyzerConfig": {"logs": tmp_path, "state": tmp_path / "state"},
            "SocketIOConfig": {"socketio": True},
        }
    )
    find = importlib.util.find_spec
    monkeypatch.setattr("api.serve.stream.optional.find_spec", lambda name: None if name == "socketio" else find(name))
    with pytest.raises(SettingsError, match=r"pip install 'networksecuritylabs\[socketio\]'"), assembled(settings):
        pass


def test_what_happens_to_the_service_comes_to_who_asks_for_it(served: Light) -> None:
    since = served.hub.events.seq
    served.hub.happenings.tell("prevention", {"at": 1.0, "change": "flush", "text": "all gone"})
    served.until(lambda: served.hub.events.seq == since + 1)
    with connected(served, events=["event"], since_event_seq=since) as client:
        name, greeting, stream = client.receive(60)
        assert (name, greeting["seq"], stream) == ("hello", since + 1, "event")
        name, message = client.receive(60)
    assert (name, message["seq"], message["change"]) == ("prevention", since + 1, "flush")
    assert is_socketio(name, message)
