"""Devices over REST and on the stream of events: listed, named, called critical, and refused with what was expected."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.decisions import Prevention
from api.devices.recorder import Recorder
from api.devices.sightings import DeviceSighting, Seen
from api.errors import SettingsError
from api.pipeline.clock import Clock
from api.serve.stream.device_events import new_device
from api.state.devices.said import Said
from api.state.store import AlertWriter
from prevention.decider import Request
from prevention.errors import RefusedError
from prevention.policy import policy_from
from prevention.targets import device_target
from tests.api.conftest import is_described

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.api.conftest import Examples
    from tests.api.serve.conftest import Light

CAMERA = "00:40:8c:00:00:17"


def seen(light: Light, address: str, at: float = 1000.0, mac: str | None = None, host_name: str | None = None) -> str:
    """Note a sighting; return the identifier of its device."""
    light.devices.note(Seen([DeviceSighting(address, address, at, at, {"conn"}, mac, host_name)], {}))
    (device,) = light.get(f"/devices?address={address}").json()["devices"]
    identifier: str = device["id"]
    return identifier


def say(light: Light, identifier: str, **said: Any) -> dict[str, Any]:
    answer = light.http.patch(f"/devices/{identifier}", json=said)
    assert answer.status_code == 200, answer.text
    device: dict[str, Any] = answer.json()
    return device


def test_a_device_is_listed_and_shown_with_its_open_alerts(light: Light, examples: type[Examples]) -> None:
    identifier = seen(light, "192.168.1.5", 1000.0, CAMERA, "porch-camera")
    writer = AlertWriter(light.folder / "alerts")
    writer.upsert(
        [examples.alert("d1"), examples.alert("d2", status="closed"), examples.alert("d3", device="10.9.9.9")]
    )
    writer.close()
    device = light.get(f"/devices/{identifier}").json()
    assert [alert["id"] for alert in device.pop("alerts")] == ["d1"]
    assert device in light.get("/devices").json()["devices"]
    assert (device["name"], device["kind"], device["vendor"]) == ("porch-camera", "camera", "Axis Communications AB")
    assert [name["source"] for name in device["names"]] == ["dhcp", "vendor", "address"]
    assert (device["random_mac"], device["young"], device["trusted_from"]) == (False, True, 1000.0 + 43_200)
    assert (device["told"], len(device["later"])) == (["fast scans, floods and guesses"], 4)
    assert [later["from_ts"] for later in device["later"][-2:]] == [device["trusted_from"], 1000.0 + 86_400]
    seen(light, "192.168.1.5", 1000.0 + 43_200, CAMERA)
    grown = light.get(f"/devices/{identifier}").json()
    assert (grown["young"], len(grown["told"]), len(grown["later"])) == (False, 4, 1)


def test_what_is_said_of_it_is_kept_and_what_is_left_out_stays(light: Light) -> None:
    identifier = seen(light, "192.168.1.6", mac="02:00:00:00:00:99")
    assert say(light, identifier)["name"] == "random MAC 00:00:99"
    assert say(light, identifier, label="  Anna's phone ", tags=["guest", "guest"])["name"] == "Anna's phone"
    device = say(light, identifier, notes="two\nlines", critical=True)
    assert (device["label"], device["tags"], device["notes"], device["critical"]) == (
        "Anna's phone", ["guest"], "two\nlines", True
    )  # fmt: skip
    assert [one["id"] for one in light.get("/devices?tag=guest&q=ANNA&critical=true").json()["devices"]] == [identifier]
    assert say(light, identifier, label=None)["name"] == "random MAC 00:00:99"
    (entry, *_) = light.get("/audit").json()["entries"]
    assert (entry["action"], entry["object"]) == ("PATCH /devices/{device_id}", f"{identifier}: label")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"colour": "red"}, "colour"),
        ({"label": "a\x1b[31m"}, "label"),
        ({"label": "a\nb"}, "label"),
        ({"label": "\u202egnp"}, "label"),
        ({"label": "x" * 101}, "label"),
        ({"notes": "\x00"}, "notes"),
        ({"tags": ["Two Words"]}, "tags"),
        ({"tags": None}, "tags"),
        ({"tags": [f"t{n}" for n in range(17)]}, "tags"),
        ({"critical": "yes"}, "critical"),
    ],
)
def test_what_cannot_be_said_is_refused(light: Light, said: dict[str, Any], told: str) -> None:
    identifier = seen(light, "192.168.1.7")
    answer = light.http.patch(f"/devices/{identifier}", json=said)
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_parameter")
    assert told in answer.json()["detail"]
    assert light.get(f"/devices/{identifier}").json()["label"] is None


def test_who_is_not_there_is_a_404_and_wrong_filters_are_told(light: Light) -> None:
    assert light.get("/devices/d-none").status_code == 404
    assert light.http.patch("/devices/d-none", json={"label": "x"}).status_code == 404
    for wrong in ("mac=x", "kind=spaceship", "cursor=x", "limit=0", "colour=red", "tag=Two%20Words"):
        assert light.get(f"/devices?{wrong}").status_code == 422, wrong


def test_only_who_may_respond_says_anything(lightly: Callable[[], AbstractContextManager[Light]]) -> None:
    with lightly() as light:
        identifier = seen(light, "192.168.1.8")
        reads = {"Authorization": f"Bearer {light.token('reader', ['read'])}"}
        assert light.http.get(f"/devices/{identifier}", headers=reads).status_code == 200
        assert light.http.patch(f"/devices/{identifier}", json={"label": "x"}, headers=reads).status_code == 403


def test_a_new_device_is_an_event(light: Light) -> None:
    recorder = Recorder(
        light.devices, lambda device, more: light.hub.happenings.tell("device", new_device(device, more))
    )
    with light.socket("/ws/events?type=device&device=192.168.1.77&device=192.168.1.79") as stream:
        assert json.loads(stream.recv(60))["type"] == "hello"
        for address in ("192.168.1.77", "192.168.1.77", "192.168.1.78", "192.168.1.79"):
            recorder.give(Seen([DeviceSighting(address, address, 5.0, 5.0, {"dns"})], {}))
            recorder.step()
        got = iter(lambda: json.loads(stream.recv(60)), None)
        told = list(islice((message for message in got if message["type"] != "position"), 2))
    assert all(map(is_described, told))
    assert [message["device"]["name"] for message in told] == ["192.168.1.77", "192.168.1.79"]
    assert (told[0]["change"], told[0]["more"]) == ("new", 0)


def test_the_command_line_lists_shows_and_labels(light: Light) -> None:
    def run(*words: str) -> str:
        done = CliRunner().invoke(app, ["devices", *words, "--service", light.url], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    identifier = seen(light, "192.168.1.60", mac="02:00:00:00:00:60", host_name="a\x1b[31mcam\n")
    seen(light, "192.168.1.61", mac="02:00:00:00:00:60")
    (line,) = run("list", "192.168.1.60").splitlines()
    assert line.startswith(f"{identifier} a")
    assert "\x1b" not in run("show", identifier)
    assert run("label", "02:00:00:00:00:60", "Back Door", "--tag", "door", "--critical").startswith(
        f"{identifier} Back Door  192.168.1.6"
    )
    (device,) = json.loads(run("list", "--tag", "door", "--json"))["devices"]
    assert (device["id"], device["label"], device["critical"]) == (identifier, "Back Door", True)
    assert "name Back Door (label)" in run("show", "192.168.1.60")
    assert json.loads(run("label", "192.168.1.60", "", "--not-critical", "--json"))["label"] is None
    assert run("list", "192.168.1.66") == "no such device was seen\n"
    with pytest.raises(SettingsError, match="no device with"):
        run("show", "192.168.1.66")
    with pytest.raises(SettingsError, match="nothing to say"):
        run("label", identifier)


def test_a_critical_device_is_never_blocked(light: Light, tmp_path: Path) -> None:
    identifier = seen(light, "192.168.1.9", mac="02:00:00:00:00:09")
    prevention = Prevention(tmp_path / "d", policy_from({"mode": "suggest"}), Clock())
    prevention.said = Said(light.devices.tags, light.devices.critical)

    def ask(device: str) -> None:
        prevention.decider.request(Request(device_target(device), "block", 30.0, "anna"))

    try:
        ask("02:00:00:00:00:09")
        say(light, identifier, critical=True)
        prevention.step()
        for device in ("02:00:00:00:00:09", "192.168.1.9"):
            with pytest.raises(RefusedError, match="critical device"):
                ask(device)
        say(light, identifier, critical=False)
        prevention.step()
        ask("192.168.1.9")
    finally:
        prevention.stop()
