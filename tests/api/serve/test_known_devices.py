"""A device is found by each of its names, addresses and MACs, and so is one that people have merged of several."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from api.devices.sightings import DeviceSighting, Seen
from api.serve.stream.device_events import new_device
from api.sinks.log import ChangeLog
from api.sinks.selection import CommonSettings, Selection
from api.state.devices.grouping import Act
from api.state.devices.identifiers import id_of
from api.state.store import AlertWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from api.state.store import AlertChange
    from tests.api.conftest import Examples
    from tests.api.serve.conftest import Light

WIRE, AIR = "02:00:00:00:00:98", "02:00:00:00:00:99"
OF_BOTH = ["10.0.0.5", "10.0.0.7", "10.0.0.8", WIRE, AIR, "02-00-00-00-00-99", "study-laptop", "anna's laptop", "Study"]


class Site:
    """A served application with a laptop of two interfaces, both of which were told of, and another device."""

    def __init__(self, light: Light, examples: type[Examples]) -> None:
        self.light = light
        self.changes: list[AlertChange] = []
        sightings = [
            DeviceSighting("10.0.0.5", "10.0.0.5", 100.0, 100.0, {"conn"}, WIRE),
            DeviceSighting("10.0.0.7", "10.0.0.7", 200.0, 200.0, {"conn"}, AIR, "study-laptop"),
            DeviceSighting("10.0.0.7", "10.0.0.8", 210.0, 210.0, {"conn"}, AIR, "study-laptop"),
            DeviceSighting("10.0.0.6", "10.0.0.6", 300.0, 300.0, {"conn"}),
        ]
        light.devices.note(Seen(sightings, {}))
        light.devices.say(id_of("10.0.0.5"), {"label": "anna's laptop"})
        self._writer = AlertWriter(light.folder / "alerts")
        self._alert = examples.alert

    def raise_alerts(self) -> None:
        """Have each interface, and the other device, do something."""
        for name, address in (("wire", "10.0.0.5"), ("air", "10.0.0.7"), ("other", "10.0.0.6")):
            alert = self._alert(name, device=address, known_as=address)
            self.changes += self._writer.upsert([alert])

    def close(self) -> None:
        """Close the store."""
        self._writer.close()


@pytest.fixture
def site(lightly: Callable[..., AbstractContextManager[Light]], examples: type[Examples]) -> Iterator[Site]:
    with lightly() as light:
        made = Site(light, examples)
        yield made
        made.close()


def listed(light: Light, device: str) -> set[str]:
    """Return the alerts that the list, the export and the incidents find; all must find the same."""
    params = {"device": device}
    page = {alert["id"] for alert in light.http.get("/alerts", params=params).json()["alerts"]}
    lines = light.http.get("/alerts/export", params={**params, "format": "ndjson"}).text.splitlines()
    incidents = light.http.get("/incidents", params=params).json()["incidents"]
    assert page == {json.loads(line)["id"] for line in lines}
    assert page == {alert["id"] for incident in incidents for alert in incident["alerts"]}
    return page


def merge(light: Light) -> None:
    light.devices.merge(id_of("10.0.0.5"), id_of("10.0.0.7"), Act("anna", 5000.0, {}))


def test_alerts_of_a_device_are_listed_by_whatever_it_is_called(site: Site) -> None:
    site.raise_alerts()
    for device in ("10.0.0.7", "10.0.0.8", AIR, "study-lap"):
        assert listed(site.light, device) == {"air"}, device
    assert listed(site.light, "10.0.0.6") == {"other"}
    merge(site.light)
    for device in OF_BOTH:
        assert listed(site.light, device) == {"wire", "air"}, device
    assert listed(site.light, "10.0.0.6") == {"other"}


def test_an_address_that_went_to_another_device_finds_what_was_told_of_it_and_the_other(site: Site) -> None:
    site.raise_alerts()
    site.light.devices.note(Seen([DeviceSighting("10.0.0.6", "10.0.0.7", 400.0, 400.0, {"conn"})], {}))
    assert listed(site.light, "10.0.0.7") == {"air", "other"}
    assert listed(site.light, "10.0.0.8") == {"air"}


@pytest.mark.parametrize("device", OF_BOTH)
def test_streams_of_a_merged_device_begin_by_any_of_its_names(site: Site, device: str) -> None:
    merge(site.light)
    with site.light.socket(f"/ws/alerts?device={quote(device)}") as stream:
        assert json.loads(stream.recv(60))["type"] == "hello"
        site.raise_alerts()
        site.light.hub.publish_alerts(site.changes)
        assert [json.loads(stream.recv(60))["alert"]["id"] for _ in range(2)] == ["wire", "air"]
        assert json.loads(stream.recv(60)) == {"type": "position", "seq": 3}


@pytest.mark.parametrize("device", [*OF_BOTH[:-1], "*laptop", "10.0.0.7/32"])
def test_sinks_of_a_merged_device_get_what_all_of_it_does(site: Site, device: str) -> None:
    merge(site.light)
    log = ChangeLog(site.light.folder / "alerts")
    begin = log.begin("some")
    site.raise_alerts()
    wanted = Selection(CommonSettings(devices=(device,)), frozenset({"raised"}))
    found = [notice for notice in log.after(begin, 10).notices if wanted.wants(notice)]
    assert [notice.alert.id for notice in found] == ["wire", "air"]


@pytest.mark.parametrize("device", OF_BOTH)
def test_events_of_a_merged_device_are_found_by_any_of_its_names(site: Site, device: str) -> None:
    merge(site.light)
    found = site.light.devices.get(id_of("10.0.0.7"))
    assert found is not None
    with site.light.socket(f"/ws/events?device={quote(device)}") as stream:
        assert json.loads(stream.recv(60))["type"] == "hello"
        site.light.hub.happenings.tell("device", new_device(found, 0))
        assert json.loads(stream.recv(60))["device"]["id"] == id_of("10.0.0.5")
