"""The register of devices: one MAC is one device, bounded, kept over restarts, and what people say stays."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.devices.naming import kind_of, names_of, vendor_of
from api.devices.recorder import Recorder
from api.devices.sightings import DeviceSighting, Seen
from api.errors import NoDeviceError
from api.state.devices import register as registers
from api.state.devices.reader import DeviceQuery, DeviceReader
from api.state.devices.register import DeviceRegister
from api.state.store.schema import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from api.state.devices.rows import Device

CAMERA, PHONE, BROTHER = "00:40:8c:00:00:17", "02:00:00:00:00:99", "00:80:77:00:00:01"


def seen(
    known_as: str, address: str | None = None, at: float = 1000.0, mac: str | None = None, host_name: str | None = None
) -> Seen:
    return Seen([DeviceSighting(known_as, address or known_as, at, at, {"conn"}, mac, host_name)], {})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the store lies."""
    return tmp_path / "alerts.sqlite3"


@pytest.fixture
def register(path: Path) -> Iterator[DeviceRegister]:
    """Return a register of eight devices."""
    made = DeviceRegister(path, 8)
    yield made
    made.close()


def every(path: Path, **wanted: object) -> list[Device]:
    return DeviceReader(path).page(DeviceQuery(**wanted)).devices  # type: ignore[arg-type] # all of the query's


def test_a_device_keeps_its_identifier_while_it_learns_its_mac_and_moves(register: DeviceRegister, path: Path) -> None:
    (new,) = register.note(seen("10.0.0.5")).new
    assert register.note(seen("10.0.0.5", at=1010.0, mac=PHONE, host_name="anna-phone")).new == []
    assert register.note(seen("10.0.0.5", "10.0.0.9", 1020.0, PHONE)).new == []
    register.note(seen("10.0.0.5", "10.0.0.9", 1015.0, PHONE))
    (device,) = every(path)
    assert (device.id, device.mac, device.host_name, device.kind) == (new.id, PHONE, "anna-phone", "phone")
    assert [(at.address, at.mac, at.first_seen) for at in device.addresses] == [
        ("10.0.0.9", PHONE, 1015.0), ("10.0.0.5", PHONE, 1010.0)
    ]  # fmt: skip
    assert (device.first_seen, device.last_seen) == (1000.0, 1020.0)
    register.note(seen("10.0.0.5", at=900.0, mac=PHONE))
    assert (every(path)[0].first_seen, every(path)[0].last_seen) == (900.0, 1020.0)


def test_ipv6_of_a_mac_is_the_same_device_and_an_address_leased_anew_is_another(
    register: DeviceRegister, path: Path
) -> None:
    register.note(seen("10.0.0.5", mac=PHONE))
    assert register.note(seen(f"{PHONE}/6", "2001:db8::7", mac=PHONE)).new == []
    assert [device.mac for device in register.note(seen(CAMERA, "10.0.0.5", 2000.0, CAMERA)).new] == [CAMERA]
    assert [device.mac for device in every(path, address="10.0.0.5")] == [CAMERA, PHONE]
    assert [device.mac for device in every(path, address="2001:db8::7")] == [PHONE]


def test_what_people_say_outlives_a_restart_and_is_found(register: DeviceRegister, path: Path) -> None:
    (device,) = register.note(seen("10.0.0.5", mac=CAMERA)).new
    register.note(seen("10.0.0.6", at=2000.0))
    register.say(device.id, {"label": "Door", "tags": ["b", "a", "b"], "critical": True})
    register.say(device.id, {"notes": "south"})
    with closing(DeviceRegister(path, 8)) as again:
        found = again.get(device.id)
        assert found is not None
        assert (found.label, found.tags, found.notes, found.critical) == ("Door", ("a", "b"), "south", True)
        assert again.critical() == {"10.0.0.5", CAMERA}
        assert again.note(seen("10.0.0.5", at=3000.0, mac=CAMERA)).new == []
    for wanted in ({"text": "dOOr"}, {"tag": "a"}, {"mac": CAMERA}, {"critical": True}, {"text": "40:8C"}):
        assert [one.id for one in every(path, **wanted)] == [device.id], wanted
    assert [one.addresses[0].address for one in every(path, since=1500.0)] == ["10.0.0.6"]
    register.say(device.id, {"label": None, "critical": False})
    assert register.critical() == frozenset()
    with pytest.raises(NoDeviceError):
        register.say("d-none", {"label": "x"})


def test_pages_hold_each_device_once(register: DeviceRegister, path: Path) -> None:
    for n in range(7):
        register.note(seen(f"10.0.0.{n}", at=1000.0 + n // 2))
    found, cursor = [], None
    while True:
        page = DeviceReader(path).page(DeviceQuery(limit=3, cursor=cursor))
        found += [device.id for device in page.devices]
        if (cursor := page.next_cursor) is None:
            break
    assert len(found) == len(set(found)) == 7
    assert found == [device.id for device in every(path)]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 12), st.floats(0, 1e9), st.booleans()), max_size=60))
def test_whatever_is_seen_the_register_is_bounded_and_forgets_nothing_that_was_said(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, float, bool]]
) -> None:
    path, said = tmp_path_factory.mktemp("register") / "store", set()
    with closing(DeviceRegister(path, 8)) as register:
        for name, mac, at, is_said in steps:
            sighting = seen(f"10.0.0.{name}", f"10.0.1.{name}", at, f"02:00:00:00:00:{mac:02x}" if mac else None)
            for device in register.note(sighting).new:
                if is_said and len(said) < 8:
                    register.say(device.id, {"tags": ["kept"]})
                    said.add(device.id)
            devices = every(path)
            assert len(devices) <= 8
            assert said <= {device.id for device in devices}
            assert all(one.first_seen <= one.last_seen and one.addresses for one in devices)
    with closing(sqlite3.connect(path)) as connection:
        for table in ("device_name", "device_address"):
            sql = f"SELECT count(*) FROM {table} WHERE device NOT IN (SELECT id FROM device)"  # noqa: S608 - our own names
            assert connection.execute(sql).fetchone() == (0,)


def test_addresses_of_one_device_are_bounded(
    register: DeviceRegister, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registers, "MOST_ADDRESSES", 3)
    for n in range(6):
        register.note(seen("10.0.0.5", f"2001:db8::{n}", 1000.0 + n))
    assert [at.address for at in every(path)[0].addresses] == ["2001:db8::5", "2001:db8::4", "2001:db8::3"]


def test_services_tell_the_kind(register: DeviceRegister, path: Path) -> None:
    register.note(Seen(seen("10.0.0.5").sightings, {"10.0.0.5": {"tcp/9100", "tcp/80"}, "10.0.0.77": {"tcp/22"}}))
    (device,) = every(path, kind="printer")
    assert (device.services, device.kind_reason) == (("tcp/80", "tcp/9100"), "answers on tcp/9100")


def test_names_say_where_they_come_from() -> None:
    assert names_of("Door", "cam1", CAMERA, "10.0.0.5")[:2] == [("Door", "label"), ("cam1", "dhcp")]
    assert names_of(None, None, BROTHER, "10.0.0.5")[0] == (f"{vendor_of(BROTHER)} 00:00:01", "vendor")
    assert "brother" in str(vendor_of(BROTHER)).lower()
    assert names_of(None, None, PHONE, "10.0.0.5")[0] == ("random MAC 00:00:99", "vendor")
    assert vendor_of(PHONE) is None
    assert names_of(None, None, None, "10.0.0.5") == [("10.0.0.5", "address")]


@pytest.mark.parametrize(
    ("host_name", "services", "mac", "kind"),
    [
        ("porch-camera", (), None, "camera"),
        ("annas-iPhone", (), None, "phone"),
        ("BRW001122334455", (), None, "printer"),
        ("DESKTOP-4F2", (), None, "computer"),
        ("campus-gateway", (), None, None),
        (None, ("tcp/554",), None, "camera"),
        (None, (), CAMERA, "camera"),
        (None, (), PHONE, None),
        (None, (), None, None),
    ],
)
def test_a_kind_is_guessed_only_from_what_says_it(
    host_name: str | None, services: tuple[str, ...], mac: str | None, kind: str | None
) -> None:
    found = kind_of(host_name, services, mac)
    assert (found and found[0]) == kind


def test_an_older_store_gets_the_tables(path: Path) -> None:
    with closing(open_store(path)) as connection:
        connection.executescript("DROP TABLE device; DROP TABLE device_name; DROP TABLE device_address")
    with closing(DeviceRegister(path, 8)) as register:
        assert len(register.note(seen("10.0.0.5")).new) == 1


def test_what_a_disk_refuses_is_written_and_told_later(register: DeviceRegister, path: Path) -> None:
    told: list[tuple[str, int]] = []
    recorder = Recorder(register, lambda device, more: told.append((device.addresses[0].address, more)))
    recorder.give(seen("10.0.0.5"))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.executescript("ALTER TABLE device_name RENAME TO gone")
        recorder.step()
        assert "devices cannot be stored" in str(recorder.problem)
        assert (told, every(path)) == ([], [])
        other.executescript("ALTER TABLE gone RENAME TO device_name")
    recorder.step()
    assert (told, recorder.problem) == ([("10.0.0.5", 0)], None)


def test_many_new_devices_are_told_as_a_number(path: Path) -> None:
    told: list[int] = []
    with closing(DeviceRegister(path, 100)) as register:
        recorder = Recorder(register, lambda _, more: told.append(more))
        for n in range(70):
            recorder.give(seen(f"10.0.0.{n}"))
        recorder.step()
    assert told == [*[0] * 49, 20]
