"""An alert tells which device stood behind the address then, and goes on telling it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson
import pytest

from api.cli.terminal import alert_line
from api.devices.sightings import DeviceSighting, Seen
from api.serve.stream.messages import alert_message
from api.state.devices.register import DeviceRegister
from api.state.store import AlertChange, AlertQuery, AlertReader, AlertWriter
from ingest.context.identity import Identity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.api.conftest import Examples

CAMERA = Identity("02:00:00:00:00:17", "porch-camera", leased=True)
NAMELESS = Identity("02:00:00:00:00:17")
PHONE = Identity("02:00:00:00:00:99", "phone")


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[AlertWriter]:
    made = AlertWriter(tmp_path / "alerts.sqlite3")
    yield made
    made.close()


def known(tmp_path: Path, examples: type[Examples]) -> tuple[str, str | None] | None:
    owner = AlertReader(tmp_path / "alerts.sqlite3").owners([examples.alert(), examples.alert("other")]).get("a1")
    return None if owner is None else (owner.mac, owner.host_name)


def test_the_first_device_known_stays_and_may_tell_its_name_later(
    writer: AlertWriter, tmp_path: Path, examples: type[Examples]
) -> None:
    steps = [(None, None), (NAMELESS, NAMELESS), (CAMERA, CAMERA), (NAMELESS, CAMERA), (PHONE, CAMERA), (None, CAMERA)]
    for count, (found, expected) in enumerate(steps, 1):
        writer.owners.lookup = {"192.168.1.5": found}.get
        (change,) = writer.upsert([examples.alert(count=count)])
        told = (change.owner.mac, change.owner.host_name) if change.owner else None
        assert told == known(tmp_path, examples) == ((expected.mac, expected.host_name) if expected else None)


def test_a_repeated_alert_changes_nothing(writer: AlertWriter, tmp_path: Path, examples: type[Examples]) -> None:
    writer.owners.lookup = {"192.168.1.5": CAMERA}.get
    writer.upsert([examples.alert(count=2)])
    writer.owners.lookup = {"192.168.1.5": PHONE}.get
    assert writer.upsert([examples.alert(count=1), examples.alert(count=2)]) == []
    assert known(tmp_path, examples) == (CAMERA.mac, CAMERA.host_name)


def test_what_people_call_the_device_is_told_as_of_now(
    writer: AlertWriter, tmp_path: Path, examples: type[Examples]
) -> None:
    reader = AlertReader(tmp_path / "alerts.sqlite3")
    with closing(DeviceRegister(tmp_path / "alerts.sqlite3", 8)) as register:
        sighting = DeviceSighting("10.0.0.1", "192.168.1.5", 1.0, 1.0)
        (device,) = register.note(Seen([sighting], {})).new
        alert = examples.alert(known_as="10.0.0.1")
        for count, (label, found) in enumerate([("Door", None), ("Gate", CAMERA), (None, None), ("Porch", None)], 1):
            register.say(device.id, {"label": label})
            writer.owners.lookup = {"192.168.1.5": found}.get
            (change,) = writer.upsert([replace(alert, count=count)])
            mac = CAMERA.mac if count > 1 else None
            stored = reader.owners([alert])["a1"]
            assert change.owner is not None
            assert (change.owner.mac, change.owner.label) == (stored.mac, stored.label) == (mac, label)
            told = orjson.loads(alert_message(1, change).text)["alert"]
            assert (told["mac"], told["label"]) == (mac, label)
        assert change.owner.name == "Porch"
        for wanted in (AlertQuery(text="pORCH"), AlertQuery(device="porch")):
            assert [one.id for one in reader.page(wanted).alerts] == ["a1"]
        assert reader.page(AlertQuery(text="door")).alerts == []


def test_a_new_name_is_told_of_open_alerts_that_nothing_hides(
    writer: AlertWriter, tmp_path: Path, examples: type[Examples]
) -> None:
    with closing(DeviceRegister(tmp_path / "alerts.sqlite3", 8)) as register:
        (device,) = register.note(Seen([DeviceSighting("192.168.1.5", "192.168.1.5", 1.0, 1.0)], {})).new
        writer.upsert(
            [examples.alert(), examples.alert("a2", status="closed"), examples.alert("a3", device="10.0.0.9")]
        )
        register.say(device.id, {"tags": ["x"]})
        assert register.take_renamed() == []
        register.say(device.id, {"label": "Door"})
        told = writer.renamed(register.take_renamed())
        assert [(one.change, one.alert.id, one.owner and one.owner.label) for one in told] == [
            ("updated", "a1", "Door")
        ]
        assert register.take_renamed() == []


def test_messages_tell_it_beside_all_that_the_alert_says(examples: type[Examples]) -> None:
    bare, owned = (
        orjson.loads(alert_message(1, AlertChange("raised", examples.alert(), owner)).text)["alert"]
        for owner in (None, CAMERA)
    )
    assert (bare["mac"], bare["host_name"]) == (None, None)
    assert owned == bare | {"mac": CAMERA.mac, "host_name": CAMERA.host_name}
    assert bare["reasons"][0]["feature"] == "reach_hosts"


def test_a_name_is_data_on_the_terminal(examples: type[Examples]) -> None:
    line = alert_line(AlertChange("raised", examples.alert(), Identity("02:00:00:00:00:17", "a\x1b[31m")))
    assert "192.168.1.5 (a\N{REPLACEMENT CHARACTER}[31m)" in line.plain
    assert "192.168.1.5  " in alert_line(AlertChange("raised", examples.alert())).plain
