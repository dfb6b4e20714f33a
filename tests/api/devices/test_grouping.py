"""Merge, split and undo: a plain model agrees after every step, and what is undone is exactly as it was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.devices.sightings import DeviceSighting, Seen
from api.errors import NoDeviceError, RegroupError
from api.state.devices.grouping import Act
from api.state.devices.identifiers import id_of
from api.state.devices.model_names import Names, latest_names
from api.state.devices.reader import DeviceQuery, DeviceReader
from api.state.devices.register import DeviceRegister
from api.state.store.schema import VERSION, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from api.state.devices.rows import Device

ACT = Act("anna", 5000.0, {"conn": 7})
PHONE, WIRE = "02:00:00:00:00:99", "02:00:00:00:00:98"


def note(register: DeviceRegister, known_as: str, address: str, at: float, mac: str | None = None) -> None:
    register.note(Seen([DeviceSighting(known_as, address, at, at, {"conn"}, mac)], {}))


def every(register: DeviceRegister) -> list[Device]:
    return DeviceReader(register.path).page(DeviceQuery()).devices


def names(register: DeviceRegister) -> Names:
    with closing(sqlite3.connect(register.path)) as connection:
        return latest_names(connection)


@pytest.fixture
def register(tmp_path: Path) -> Iterator[DeviceRegister]:
    """Return a register with a laptop's two interfaces, of which the one by wire is older, and one of IPv6."""
    made = DeviceRegister(tmp_path / "alerts", 8)
    note(made, "10.0.0.5", "10.0.0.5", 100.0, WIRE)
    note(made, "10.0.0.7", "10.0.0.7", 200.0, PHONE)
    note(made, "10.0.0.7", "10.0.0.8", 210.0, PHONE)
    note(made, f"{PHONE}/6", "fe80::7", 220.0, PHONE)
    yield made
    made.close()


OLDER, YOUNGER = id_of("10.0.0.5"), id_of("10.0.0.7")


def test_the_older_stays_with_what_was_said_of_both(register: DeviceRegister) -> None:
    register.say(OLDER, {"notes": "by wire", "tags": ["home"]})
    register.say(YOUNGER, {"label": "laptop", "tags": ["guest"], "notes": "by air"})
    before = every(register)
    done = register.merge(YOUNGER, OLDER, ACT)
    (device,) = every(register)
    assert (done.devices, device.id, device.merged) == ((OLDER,), OLDER, (YOUNGER,))
    assert (device.label, device.notes, device.tags) == ("laptop", "by wire\nby air", ("guest", "home"))
    assert (device.first_seen, device.last_seen, len(device.addresses)) == (100.0, 220.0, 4)
    assert register.get(YOUNGER) == device == register.say(YOUNGER, {})
    assert done.names.merged == {"10.0.0.7": "10.0.0.5"}  # over IPv6 there is one only
    assert register.undo(YOUNGER, ACT).devices == (OLDER, YOUNGER)
    assert every(register) == before
    assert names(register) == Names()


def test_what_people_say_later_stays_when_a_merge_is_undone(register: DeviceRegister) -> None:
    register.say(YOUNGER, {"label": "laptop", "tags": ["guest"]})
    register.merge(OLDER, YOUNGER, ACT)
    register.say(OLDER, {"label": "the laptop"})
    register.undo(OLDER, ACT)
    said = [(one.label, one.tags) for one in (register.get(OLDER), register.get(YOUNGER)) if one]
    assert said == [("the laptop", ()), ("laptop", ("guest",))]


def test_what_is_seen_meanwhile_belongs_to_the_right_one_after_undo(register: DeviceRegister) -> None:
    register.merge(OLDER, YOUNGER, ACT)
    note(register, "10.0.0.7", "10.0.0.9", 300.0, PHONE)
    assert [one.id for one in every(register)] == [OLDER]
    register.undo(OLDER, ACT)
    (device,) = DeviceReader(register.path).page(DeviceQuery(address="10.0.0.9")).devices
    assert device.id == YOUNGER


def test_an_address_that_evidence_says_is_the_devices_is_one_of_its_own_when_split_off(
    register: DeviceRegister,
) -> None:
    register.say(YOUNGER, {"label": "laptop", "critical": True})
    before = every(register)
    done = register.split(YOUNGER, "10.0.0.8", ACT)
    made = register.get(done.devices[1])
    assert made is not None
    assert ([at.address for at in made.addresses], made.label, made.critical) == (["10.0.0.8"], None, True)
    assert (made.first_seen, made.mac) == (210.0, None)
    assert done.names.split[("10.0.0.7", "10.0.0.8")] == "10.0.0.8/s1"
    note(register, "10.0.0.7", "10.0.0.8", 400.0, PHONE)  # evidence goes on to say that it is the same
    after = register.get(done.devices[1])
    assert after == replace(made, last_seen=400.0, logs=("conn",), addresses=after.addresses if after else ())
    register.undo(done.devices[1], ACT)
    assert register.get(done.devices[1]) is None
    (kept,) = (one for one in every(register) if one.id == YOUNGER)
    assert {at.address for at in kept.addresses} == {"10.0.0.7", "10.0.0.8", "fe80::7"}
    assert [(one.id, one.label, one.first_seen) for one in every(register)] == [
        (one.id, one.label, one.first_seen) for one in before
    ]


def test_an_address_of_a_new_owner_is_not_the_split_device(register: DeviceRegister) -> None:
    done = register.split(YOUNGER, "10.0.0.8", ACT)
    note(register, "02:00:00:00:00:55", "10.0.0.8", 500.0, "02:00:00:00:00:55")
    found = {one.id for one in DeviceReader(register.path).page(DeviceQuery(address="10.0.0.8")).devices}
    assert found == {done.devices[1], id_of("02:00:00:00:00:55")}


def test_what_cannot_be_is_refused_and_changes_nothing(register: DeviceRegister) -> None:
    note(register, "10.0.0.20", "10.0.0.20", 50.0)
    register.say(id_of("10.0.0.20"), {"critical": True})
    register.merge(OLDER, YOUNGER, ACT)
    before = every(register)
    for code, ask in (
        ("same_device", lambda: register.merge(OLDER, OLDER, ACT)),
        ("same_device", lambda: register.merge(YOUNGER, OLDER, ACT)),
        ("critical_device", lambda: register.merge(YOUNGER, id_of("10.0.0.20"), ACT)),
        ("not_its_address", lambda: register.split(OLDER, "10.0.0.20", ACT)),
        ("own_address", lambda: register.split(OLDER, "10.0.0.5", ACT)),
        ("nothing_to_undo", lambda: register.undo(id_of("10.0.0.20"), ACT)),
    ):
        with pytest.raises(RegroupError) as told:
            ask()
        assert told.value.code == code
    for ask in (
        lambda: register.merge(OLDER, "d-none", ACT),
        lambda: register.split("d-none", "10.0.0.5", ACT),
        lambda: register.undo("d-none", ACT),
    ):
        with pytest.raises(NoDeviceError):
            ask()
    assert every(register) == before


def test_a_change_that_another_rests_on_is_not_undone_before_it(register: DeviceRegister) -> None:
    note(register, "10.0.0.30", "10.0.0.30", 300.0)
    register.merge(OLDER, YOUNGER, ACT)
    register.split(OLDER, "10.0.0.7", ACT)
    register.merge(YOUNGER, id_of("10.0.0.30"), ACT)
    with pytest.raises(RegroupError, match=YOUNGER) as told:
        register.undo(OLDER, ACT)
    assert told.value.code == "not_last"
    register.undo(YOUNGER, ACT)
    assert register.undo(OLDER, ACT).undone == "split"
    assert register.undo(OLDER, ACT).undone == "merge"


def test_tags_criticality_and_counts_follow_all_parts(register: DeviceRegister) -> None:
    register.merge(OLDER, YOUNGER, ACT)
    register.say(OLDER, {"tags": ["home"], "critical": True})
    assert register.tags("10.0.0.7") == {"home"}
    assert {WIRE, PHONE} <= register.tagged("home")
    assert {WIRE, PHONE, "10.0.0.8"} <= register.critical()
    assert register.beside("10.0.0.7") >= {WIRE, PHONE, "10.0.0.5", "10.0.0.8"}
    assert set(register.addresses_of(PHONE, 0.0)) >= {"10.0.0.5", "10.0.0.8"}
    assert register.seen_since(0.0) == 1
    register.undo(OLDER, ACT)
    assert register.beside("10.0.0.7") == frozenset()
    assert "10.0.0.5" not in register.addresses_of(PHONE, 0.0)


def test_a_device_of_a_merge_is_not_forgotten(register: DeviceRegister) -> None:
    register.merge(OLDER, YOUNGER, ACT)
    for n in range(20):
        note(register, f"10.1.0.{n}", f"10.1.0.{n}", 1000.0 + n)
    device = register.get(OLDER)
    assert device is not None
    assert device.merged == (YOUNGER,)


def test_a_store_of_the_version_before_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "alerts"
    before = DeviceRegister(path, 8)
    note(before, "10.0.0.5", "10.0.0.5", 100.0, WIRE)
    before.say(OLDER, {"label": "laptop"})
    before.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "DROP VIEW device_known; DROP VIEW device_at; DROP TABLE device_part; DROP TABLE device_split;"
            " DROP TABLE device_change; PRAGMA user_version=8;"
        )
    after = DeviceRegister(path, 8)
    device = after.get(OLDER)
    assert device is not None
    assert (device.label, device.merged) == ("laptop", ())
    with closing(open_store(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    after.close()


@dataclass
class Plain:
    """Groups as lists of parts, each part a set of addresses; every state is kept for undo."""

    parts: dict[str, frozenset[str]]
    age: dict[str, int]
    groups: list[list[str]] = field(default_factory=list)
    past: list[tuple[frozenset[str], list[list[str]], dict[str, frozenset[str]]]] = field(default_factory=list)

    def group(self, part: str) -> list[str]:
        """Return the group that a part is in."""
        return next(group for group in self.groups if part in group)

    def keep(self, touched: list[str]) -> None:
        """Keep the state as it is before a change of some parts."""
        self.past.append((frozenset(touched), [list(group) for group in self.groups], dict(self.parts)))

    def shown(self) -> dict[str, frozenset[str]]:
        """Return the addresses of each device."""
        return {group[0]: frozenset().union(*(self.parts[part] for part in group)) for group in self.groups}


STEP = st.tuples(st.sampled_from(["merge", "split", "undo"]), st.integers(0, 30), st.integers(0, 30))


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(STEP, max_size=14))
def test_any_changes_are_those_of_a_plain_model(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    register = DeviceRegister(tmp_path_factory.mktemp("grouping") / "alerts", 100)
    plain = Plain({}, {})
    for n in range(4):
        known_as = f"10.0.{n}.1"
        addresses = [f"10.0.{n}.{last}" for last in (1, 2, 3)]
        for address in addresses:
            note(register, known_as, address, 10.0 * n)
        plain.parts[id_of(known_as)], plain.age[id_of(known_as)] = frozenset(addresses), n
        plain.groups.append([id_of(known_as)])
    try:
        for what, first, second in steps:
            one = plain.groups[first % len(plain.groups)]
            other = plain.groups[second % len(plain.groups)]
            if what == "merge":
                _merge(register, plain, one, other)
            elif what == "split":
                _split(register, plain, one, second)
            else:
                _undo(register, plain, one)
            shown = {device.id: frozenset(at.address for at in device.addresses) for device in every(register)}
            assert shown == plain.shown()
            _agree_on_names(register, plain)
        for past in list(plain.past):
            del past
            last = plain.past[-1][0]
            _undo(register, plain, plain.group(next(iter(part for part in last if part in plain.parts))))
        assert plain.past == []
        assert len(every(register)) == 4
        assert (names(register).split, names(register).merged) == ({}, _only_gone(names(register).merged))
    finally:
        register.close()


def _only_gone(merged: Any) -> dict[str, str]:
    return {name: into for name, into in merged.items() if "/s" in name}


def _agree_on_names(register: DeviceRegister, plain: Plain) -> None:
    """Two addresses have one name to the models if, and only if, they are of one device."""
    told = names(register)
    by_device = {
        told.of(told.split.get((f"10.0.{n}.1", address), f"10.0.{n}.1")): device
        for device, addresses in plain.shown().items()
        for address in addresses
        for n in [int(address.split(".")[2])]
    }
    assert len(by_device) == len(plain.groups)
    assert set(by_device.values()) == {group[0] for group in plain.groups}


def _merge(register: DeviceRegister, plain: Plain, one: list[str], other: list[str]) -> None:
    if one is other:
        with pytest.raises(RegroupError):
            register.merge(one[0], other[-1], ACT)
        return
    older, younger = sorted((one, other), key=lambda group: (plain.age[group[0]], group[0]))
    plain.keep([*older, *younger])
    assert register.merge(one[-1], other[0], ACT).devices == (older[0],)
    plain.groups.remove(younger)
    older += younger


def _split(register: DeviceRegister, plain: Plain, group: list[str], which: int) -> None:
    addresses = sorted(frozenset().union(*(plain.parts[part] for part in group)))
    address = addresses[which % len(addresses)]
    part = next(part for part in group if address in plain.parts[part])
    if part == group[0] and (len(plain.parts[part]) == 1 or address.endswith(".1")):
        with pytest.raises(RegroupError):
            register.split(group[-1], address, ACT)
        return
    plain.keep(list(group))
    done = register.split(group[-1], address, ACT)
    if part != group[0]:
        group.remove(part)
        plain.groups.append([part])
        assert done.devices == (group[0], part)
        return
    made = done.devices[1]
    touched, *rest = plain.past.pop()
    plain.past.append((touched | {made}, *rest))  # type: ignore[arg-type] # the two others, unchanged
    plain.parts[part] -= {address}
    plain.parts[made], plain.age[made] = frozenset({address}), plain.age[part]
    plain.groups.append([made])


def _undo(register: DeviceRegister, plain: Plain, group: list[str]) -> None:
    touching = [n for n, past in enumerate(plain.past) if past[0] & set(group)]
    if not touching:
        with pytest.raises(RegroupError):
            register.undo(group[0], ACT)
        return
    last = touching[-1]
    touched, groups, parts = plain.past[last]
    if any(past[0] & touched for past in plain.past[last + 1 :]):
        with pytest.raises(RegroupError):
            register.undo(group[0], ACT)
        return
    register.undo(group[0], ACT)
    del plain.past[last]
    plain.groups = [one for one in plain.groups if not touched & set(one)]
    plain.groups += [one for one in groups if touched & set(one)]
    for part in touched:
        plain.parts.pop(part, None)
        if part in parts:
            plain.parts[part] = parts[part]
