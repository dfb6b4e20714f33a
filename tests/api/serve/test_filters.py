"""Filters and batches of streams: what is left out is no gap, and a reader that comes back gets the rest once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus

from api.device_names import spelled
from api.serve.stream import StreamLimits
from api.serve.stream.wanted import About, Wanted
from api.state.store import AlertChange
from ingest.context.identity import Identity
from tests.api.conftest import is_described
from tests.api.serve.test_events import listening

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from websockets.sync.client import ClientConnection

    from api.alert import Alert
    from tests.api.conftest import Examples
    from tests.api.serve.conftest import Light

    Serve = Callable[..., AbstractContextManager[Light]]

CAMERA = Identity("02:00:00:00:00:17", "Porch-Camera")


def received(stream: ClientConnection) -> dict[str, Any]:
    message: dict[str, Any] = json.loads(stream.recv(60))
    assert is_described(message)
    return message


def publish(light: Light, *alerts: Alert, owner: Identity | None = None) -> None:
    light.hub.publish_alerts([AlertChange("raised", alert, owner) for alert in alerts])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["a", "b", "c"]),
        ("device=192.168.1.5", ["a"]),
        ("device=192.168.1.5&device=2001:DB8:0::7", ["a", "b"]),
        ("device=192.168.1", ["a", "c"]),
        ("device=192.168.1.50", []),
        ("device=porch-c", ["c"]),
        ("device=02-00-00-00-00-17", ["c"]),
        ("severity=medium", ["a", "c"]),
        ("severity=critical", ["c"]),
        ("behaviour=scan&behaviour=rhythm", ["a", "b"]),
        ("min_score=0.9", ["b", "c"]),
        ("min_score=0.9&behaviour=scan", []),
    ],
)
def test_alerts_are_filtered(lightly: Serve, examples: type[Examples], query: str, expected: list[str]) -> None:
    with lightly() as light, light.socket(f"/ws/alerts?{query}") as stream, listening(light, f"?{query}") as events:
        greeting = received(stream), next(events)[1]
        assert greeting[0] == greeting[1]
        publish(light, examples.alert("a", device="192.168.1.5", severity="high", score=0.5))
        publish(light, examples.alert("b", device="2001:db8::7", severity="low", behaviour="rhythm"))
        publish(light, examples.alert("c", device="192.168.1.6", severity="critical", behaviour="flood"), owner=CAMERA)
        got = [received(stream) for _ in expected]
        assert [message["alert"]["id"] for message in got] == expected
        assert [next(events)[1] for _ in expected] == got
        if not expected or expected[-1] != "c":
            assert received(stream) == {"type": "position", "seq": 3}
            assert next(events) == ("3", {"type": "position", "seq": 3})


def test_who_was_told_its_position_misses_nothing_though_nothing_is_remembered(
    lightly: Serve, examples: type[Examples]
) -> None:
    with lightly(limits=StreamLimits(history=2)) as light:
        with light.socket("/ws/alerts?severity=high") as stream:
            received(stream)
            publish(light, examples.alert("grave"), *(examples.alert(f"a{n}", severity="low") for n in range(9)))
            assert [received(stream)["seq"] for _ in range(2)] == [1, 10]
        publish(light, examples.alert("next", severity="low"), examples.alert("graver", severity="critical"))
        with light.socket("/ws/alerts?severity=high&since_seq=10") as stream:
            assert [(message["type"], message["seq"]) for message in (received(stream), received(stream))] == [
                ("hello", 12),
                ("alert", 12),
            ]
        with light.socket("/ws/alerts?severity=high&since_seq=1") as stream:  # who stopped before it was told
            received(stream)
            assert received(stream) == {"type": "gap", "seq": 10, "dropped": 9, "reason": "old"}


def test_a_stream_of_unwanted_alerts_moves_the_position_while_it_lasts(
    lightly: Serve, examples: type[Examples], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.serve.stream.sender._POSITION_S", 0.0)
    with lightly() as light, light.socket("/ws/alerts?severity=high") as stream:
        received(stream)
        for number in range(1, 4):
            publish(light, examples.alert(f"a{number}", severity="low"))
            assert received(stream) == {"type": "position", "seq": number}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["job", "decision", "decision"]),
        ("type=decision", ["decision", "decision"]),
        ("device=192.168.1.5", ["decision"]),
        ("behaviour=flood", ["decision"]),
        ("device=192.168.1.6&behaviour=flood", []),
    ],
)
def test_events_are_filtered(lightly: Serve, query: str, expected: list[str]) -> None:
    with (
        lightly() as light,
        light.socket(f"/ws/events?{query}") as stream,
        listening_events(light, query) as events,
    ):
        received(stream), next(events)
        light.hub.happenings.tell("job", JOB)
        light.hub.happenings.tell("decision", decision("192.168.1.5", "flood"))
        light.hub.happenings.tell("decision", decision("192.168.1.6", "scan"))
        got = [received(stream) for _ in expected]
        assert [message["type"] for message in got] == expected
        assert [next(events)[1] for _ in expected] == got


def test_rows_of_several_devices_come_in_the_order_of_the_log(lightly: Serve, examples: type[Examples]) -> None:
    with lightly() as light, light.socket("/ws/scores?device=192.168.1.1&device=192.168.1.0&min_score=0.5") as stream:
        received(stream)
        light.hub.publish_scores(
            examples.scored(6, anomalous=(1, 2, 5), device=[f"192.168.1.{n % 3}" for n in range(6)])
        )
        assert [row["uid"] for row in received(stream)["scores"]] == ["C1"]
        light.hub.publish_scores(examples.scored(4, anomalous=(3, 0, 1)))
        assert [row["uid"] for row in received(stream)["scores"]] == ["C0", "C1", "C3"]


@pytest.mark.parametrize(
    "path",
    [
        "/ws/alerts?severity=grave",
        "/ws/alerts?behaviour=dancing",
        "/ws/alerts?device=",
        "/ws/alerts?min_score=1.5",
        "/ws/alerts?type=job",
        "/ws/alerts?batch_ms=9",
        "/ws/alerts?batch_ms=5001",
        "/ws/alerts?batch_ms=x",
        "/ws/events?severity=high",
        "/ws/events?type=alert",
        "/ws/scores?device=porch-camera",
        "/ws/scores?severity=high",
        "/ws/alerts?" + "&".join(f"device=192.0.2.{n}" for n in range(65)),
        "/events?severity=grave",
        "/events?type=job",
        "/events?stream=events&severity=high",
        "/events?stream=events&min_score=0.5",
        "/events?batch_ms=5001",
    ],
)
def test_what_a_filter_cannot_be_is_refused_with_its_name(light: Light, path: str) -> None:
    name = path.partition("stream=events&")[2] or path.partition("?")[2]
    if path.startswith("/ws"):
        with pytest.raises(InvalidStatus) as refused, light.socket(path):
            pass
        status, said = refused.value.response.status_code, json.loads(refused.value.response.body or b"")
    else:
        answer = light.get(path)
        status, said = answer.status_code, answer.json()
    assert (status, said["code"]) == (422, "wrong_parameter")
    assert name.partition("=")[0] in said["detail"]


@pytest.mark.parametrize("path", ["/ws/alerts?batch_ms=200", "/events?batch_ms=200"])
def test_an_envelope_carries_what_came_meanwhile(lightly: Serve, examples: type[Examples], path: str) -> None:
    with lightly() as light:
        publish(light, *(examples.alert(f"a{n}") for n in range(5)))
        got: dict[str, Any]
        if path.startswith("/ws"):
            with light.socket(f"{path}&since_seq=0") as stream:
                assert received(stream)["type"] == "hello"
                got = received(stream)
        else:
            with listening(light, f"{path[7:]}&since_seq=0") as events:
                assert next(events)[1]["type"] == "hello"
                identifier, got = next(events)
                assert identifier == "5"
        assert (got["type"], got["seq"], [one["seq"] for one in got["messages"]]) == ("batch", 5, [1, 2, 3, 4, 5])


def test_a_batch_does_not_wait_until_its_queue_overflows(lightly: Serve, examples: type[Examples]) -> None:
    with lightly(limits=StreamLimits(subscriber_queue=8)) as light, light.socket("/ws/alerts?batch_ms=5000") as stream:
        received(stream)
        seqs: list[int] = []
        while len(seqs) < 400:
            publish(light, *(examples.alert(f"a{n}") for n in range(4)))
            seqs += [one["seq"] for one in received(stream)["messages"]]
        assert seqs == list(range(1, len(seqs) + 1))


def test_readers_of_one_period_share_their_envelopes(lightly: Serve, examples: type[Examples]) -> None:
    with (
        lightly() as light,
        light.socket("/ws/alerts?batch_ms=500") as one,
        light.socket("/ws/alerts?batch_ms=500") as two,
    ):
        received(one), received(two)
        publish(light, *(examples.alert(f"a{n}") for n in range(20)))
        assert received(one) == received(two)
        assert len(light.hub._shared.envelopes._made) <= 2  # noqa: SLF001 - one that is shared, or two if the first tick cut it


DEVICES = st.sampled_from(["192.168.1.5", "192.168.1.6", "cam", "02:00:00:00:00:17"])
ABOUTS = st.builds(
    About,
    devices=st.frozensets(st.sampled_from(["192.168.1.5", "192.168.1.6", "02:00:00:00:00:17"])),
    names=st.lists(st.sampled_from(["porch-camera", "plug"])).map(tuple),
    behaviours=st.frozensets(st.sampled_from(["scan", "flood"])),
    severity=st.integers(0, 3),
    score=st.floats(0, 1),
)


@given(ABOUTS, st.lists(DEVICES), st.integers(0, 3), st.frozensets(st.sampled_from(["scan", "flood"])), st.floats(0, 1))
def test_each_filter_narrows_by_itself(
    about: About, devices: list[str], severity: int, behaviours: frozenset[str], score: float
) -> None:
    parts = [
        Wanted(devices=tuple(devices)),
        Wanted(severity=severity),
        Wanted(behaviours=behaviours),
        Wanted(min_score=score),
    ]
    assert Wanted(score, tuple(devices), severity, behaviours).lets(about) == all(part.lets(about) for part in parts)
    assert Wanted().lets(about)


@given(st.text())
def test_a_spelling_is_final(text: str) -> None:
    assert spelled(spelled(text)) == spelled(text)


JOB: dict[str, Any] = {
    "job": {
        "id": "j1",
        "dataset": "dataset",
        "state": "done",
        "submitted_at": 1.0,
        "finished_at": 2.0,
        "records_done": 1,
        "records_total": 1,
        "progress": 1.0,
        "learned": {"conn": 1},
        "rejected": 0,
        "rejections": [],
        "error": None,
    }
}


def decision(device: str, behaviour: str) -> dict[str, Any]:
    made = {
        "id": "d-1",
        "kind": "device",
        "device": device,
        "peer": "",
        "domain": "",
        "action": "block",
        "state": "active",
        "mode": "enforce",
        "made_at": 1.0,
        "until": 2.0,
        "by_whom": "policy",
        "alert": "a1",
        "behaviour": behaviour,
        "sentence": "",
        "confidence": 1.0,
        "rule": "",
        "step": 0,
    }
    return {"at": 1.0, "change": "created", "by_whom": "policy", "reason": "", "decision": made}


def listening_events(light: Light, query: str) -> Any:
    return listening(light, f"?stream=events&{query}")
