"""What the streams send over the wire is what ``/asyncapi.json`` says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from api.serve.stream.schemas import STREAMS
from api.state.store import AlertChange, DriftChange
from api.state.store.groups import Drift
from ingest.context.identity import Identity
from online_models.types import Opinion
from tests.api.conftest import is_described

if TYPE_CHECKING:
    from tests.api.conftest import Examples
    from tests.api.serve.conftest import Light


def test_the_description_is_served(light: Light) -> None:
    described = light.get("/asyncapi.json").json()
    messages = described["components"]["messages"].keys()
    addresses = {channel["address"] for channel in described["channels"].values()}
    assert addresses == {*STREAMS, "/events", "/socket.io/"}
    for operation in described["operations"].values():
        channel = described["channels"][operation["channel"]["$ref"].rpartition("/")[2]]
        named = {message["$ref"].rpartition("/")[2] for message in operation.get("messages", ())}
        assert named <= channel["messages"].keys()
    for channel in described["channels"].values():
        assert {message["$ref"].rpartition("/")[2] for message in channel["messages"].values()} <= messages
    assert "enum" in described["components"]["schemas"]["AlertAnswer"]["properties"]["behaviour"]


def test_every_kind_of_message_is_as_it_is_described(light: Light, examples: type[Examples]) -> None:
    alert = examples.alert(second_opinion=Opinion(0.5, 0.9, 40), site="plant-2", drift="d1", incident="i1")
    with light.socket("/ws/alerts?since_seq=99999") as alerts, light.socket("/ws/scores") as scores:
        got: list[dict[str, Any]] = [orjson.loads(stream.recv(60)) for stream in (alerts, scores)]
        light.hub.publish_alerts([AlertChange("raised", alert, Identity("02:00:00:00:00:17", "camera"))])
        light.hub.publish_drifts([DriftChange("raised", Drift("d1", [alert], "tcp/23 in 203.0.0.0/12"))])
        light.hub.publish_scores(examples.scored(3, anomalous=(1,)))
        got += [orjson.loads(alerts.recv(60)) for _ in range(3)]
        got.append(orjson.loads(scores.recv(60)))
    assert [message["type"] for message in got] == ["hello", "hello", "gap", "alert", "drift", "scores"]
    assert all(map(is_described, got))
    assert [message.get("site") for message in got] == ["default", "default", None, "plant-2", "plant-2", "default"]
