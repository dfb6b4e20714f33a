"""A device is known by its MAC: through DHCP leases first, then through the MACs of its frames."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from ingest.context.identity import Identities, Identity
from ingest.decode.schemas import SCHEMAS
from ingest.follow.replay import ReplaySource
from ingest.records import RecordBatch

if TYPE_CHECKING:
    from pathlib import Path

HUE, CAMERA, ROUTER = "00:17:88:01:02:03", "44:65:0d:00:00:01", "b0:4e:26:00:00:fe"


def batch(kind: str, *rows: dict[str, Any]) -> RecordBatch:
    schema = SCHEMAS[kind]
    columns = {name: [row.get(name) for row in rows] for name in schema}
    return RecordBatch(kind, pl.DataFrame(columns, schema=schema))


def conn(orig: str, orig_mac: str | None, resp: str, resp_mac: str | None, ts: float = 1.0) -> dict[str, Any]:
    ends = {"id.orig_h": orig, "orig_l2_addr": orig_mac, "id.resp_h": resp, "resp_l2_addr": resp_mac}
    return {"ts": ts, **ends}


def lease(mac: str, address: str, ts: float = 1.0, **fields: Any) -> dict[str, Any]:
    return {"ts": ts, "mac": mac, "assigned_addr": address, "lease_time": 3600.0, **fields}


def known(*batches: RecordBatch) -> Identities:
    identities = Identities()
    for one in batches:
        identities.of(one)
    return identities


def test_nobody_is_known_at_first() -> None:
    assert Identities().lookup("192.168.1.5") is None


def test_a_lease_tells_mac_and_name() -> None:
    identities = known(batch("dhcp", lease(HUE.upper(), "192.168.1.5", host_name="Philips-hue")))
    assert identities.lookup("192.168.1.5") == Identity(HUE, "Philips-hue", leased=True)


def test_a_name_goes_with_the_device_to_its_next_address() -> None:
    first = batch("dhcp", lease(HUE, "192.168.1.5", host_name="Philips-hue"))
    later = batch("dhcp", lease(HUE, "192.168.1.9", 5000.0))
    assert known(first, later).lookup("192.168.1.9") == Identity(HUE, "Philips-hue", leased=True)


def test_an_address_goes_to_who_has_the_newest_lease() -> None:
    first = batch("dhcp", lease(HUE, "192.168.1.5"))
    later = batch("dhcp", lease(CAMERA, "192.168.1.5", 5000.0))
    assert known(first, later).lookup("192.168.1.5") == Identity(CAMERA, leased=True)


@pytest.mark.parametrize(("ts", "expected"), [(1800.0, Identity(HUE, leased=True)), (9000.0, Identity(CAMERA))])
def test_a_lease_that_ran_out_yields_to_another_mac(ts: float, expected: Identity) -> None:
    leased = batch("dhcp", lease(HUE, "192.168.1.5"))
    used = batch("conn", conn("192.168.1.5", CAMERA, "192.0.2.7", None, ts))
    assert known(leased, used).lookup("192.168.1.5") == expected


def test_a_lease_that_ran_out_stays_while_nobody_else_uses_the_address() -> None:
    leased = batch("dhcp", lease(HUE, "192.168.1.5"))
    used = batch("conn", conn("192.168.1.5", HUE, "192.0.2.7", None, 9000.0))
    assert known(leased, used).lookup("192.168.1.5") == Identity(HUE, leased=True)


def test_frames_tell_the_mac_of_local_addresses() -> None:
    identities = known(batch("conn", conn("192.168.1.5", HUE, "fe80::1", CAMERA)))
    assert identities.lookup("192.168.1.5") == Identity(HUE)
    assert identities.lookup("fe80::1") == Identity(CAMERA)


def test_a_router_says_nothing_about_the_addresses_behind_it() -> None:
    through = batch("conn", conn("192.168.1.5", HUE, "8.8.8.8", ROUTER), conn("10.9.0.4", ROUTER, "192.168.1.5", HUE))
    identities = known(through)
    assert identities.lookup("8.8.8.8") is None
    assert identities.lookup("10.9.0.4") is None
    assert identities.lookup("192.168.1.5") == Identity(HUE)


@pytest.mark.parametrize(
    "address",
    [
        "255.255.255.255",
        "224.0.0.251",
        "ff02::fb",
        "0.0.0.0",  # noqa: S104 - data
        "::",
        "no address",
        "fe80::1%\u00e9",
        "10.\u0663.\u0663.\u0663",
    ],
)
def test_what_is_no_device_has_no_identity(address: str) -> None:
    assert known(batch("conn", conn(address, HUE, "192.168.1.5", CAMERA))).lookup(address) is None


def test_a_request_without_an_address_tells_only_the_name() -> None:
    asked = batch("dhcp", {"ts": 1.0, "mac": HUE, "client_addr": "0.0.0.0", "client_fqdn": "hue.lan"})  # noqa: S104 - data
    given_later = batch("dhcp", lease(HUE, "192.168.1.5"))
    assert known(asked, given_later).lookup("192.168.1.5") == Identity(HUE, "hue.lan", leased=True)


def test_the_table_is_bounded_and_forgets_what_was_unused_for_longest() -> None:
    identities = Identities(capacity=100)
    for n in range(1000):
        own = f"02:00:00:00:{n // 250:02x}:{n % 250:02x}"
        identities.of(batch("conn", conn(f"10.0.{n // 250}.{n % 250}", own, "10.9.9.9", CAMERA, float(n))))
    assert identities.lookup("10.0.0.1") is None
    assert identities.lookup("10.0.3.249") == Identity("02:00:00:00:03:f9")
    assert identities.lookup("10.9.9.9") == Identity(CAMERA)
    assert len(json.dumps(identities.state())) < 40_000


def test_a_router_that_is_used_is_not_forgotten_for_others_that_are_not() -> None:
    identities = Identities(capacity=8)
    identities.of(batch("conn", conn("192.168.1.5", HUE, "8.8.8.8", ROUTER)))
    for n in range(40):
        spoofed = conn(f"9.9.9.{n}", f"02:00:00:00:00:{n:02x}", "192.168.1.5", HUE)
        identities.of(batch("conn", spoofed, conn("192.168.1.5", HUE, "8.8.4.4", ROUTER)))
    identities.of(batch("conn", conn("10.9.0.4", ROUTER, "192.168.1.5", HUE)))
    assert identities.lookup("10.9.0.4") is None
    assert identities.evicted()["macs"] > 0


@pytest.mark.parametrize(
    ("mac", "expected"),
    [(HUE.upper(), Identity(HUE)), ("ff:ff:ff:ff:ff:ff", None), ("?", None), ("0:17:88:01:02:\u00e93", None)],
)
def test_a_mac_is_read_in_any_case_and_what_is_none_says_nothing(mac: str, expected: Identity | None) -> None:
    assert known(batch("conn", conn("192.168.1.5", mac, "192.168.1.6", mac))).lookup("192.168.1.5") == expected


def test_the_state_is_of_json_types_and_whole() -> None:
    identities = known(
        batch("dhcp", lease(HUE, "192.168.1.5", host_name="hue")),
        batch("conn", conn("192.168.1.7", CAMERA, "8.8.8.8", ROUTER)),
    )
    again = Identities.from_state(json.loads(json.dumps(identities.state())))
    assert again.state() == identities.state()
    assert again.lookup("192.168.1.5") == Identity(HUE, "hue", leased=True)


def test_the_devices_of_a_real_network_are_known(shared_data: Path) -> None:
    """A Hue bridge among computers, with MAC addresses in conn.log and a few leases in dhcp.log."""
    source = ReplaySource([shared_data / "zeek_variants" / "rotated"])
    identities = known(*source)
    bridge = identities.lookup("192.168.100.118")
    assert bridge is not None
    assert bridge.mac.startswith("00:17:88:")
