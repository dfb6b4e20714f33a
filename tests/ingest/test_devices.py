"""By what name the device at each end of a record is known, whatever its address is now."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.context.identity import Identities
from ingest.records import DEVICES, SCHEMAS, RecordBatch, turn_of

if TYPE_CHECKING:
    from collections.abc import Iterable

HUE, CAMERA, HUB, ROUTER = "00:17:88:01:02:03", "44:65:0d:00:00:01", "02:00:00:00:00:99", "b0:4e:26:00:00:fe"
ONE, OTHER, THIRD, FAR = "192.168.1.20", "192.168.1.77", "192.168.1.30", "8.8.8.8"
HOUR, DAY = 3600.0, 86_400.0


def batch(kind: str, *rows: dict[str, Any]) -> RecordBatch:
    schema = SCHEMAS[kind]
    return RecordBatch(kind, pl.DataFrame({name: [row.get(name) for row in rows] for name in schema}, schema=schema))


def conn(ts: float, orig: str, orig_mac: str | None = None, resp: str = FAR, **fields: Any) -> RecordBatch:
    row = {"ts": ts, "id.orig_h": orig, "orig_l2_addr": orig_mac, "id.resp_h": resp, "resp_l2_addr": ROUTER}
    return batch("conn", row | fields)


def dns(ts: float, orig: str) -> RecordBatch:
    return batch("dns", {"ts": ts, "id.orig_h": orig, "id.resp_h": "192.168.1.1"})


def lease(ts: float, mac: str, address: str, *messages: str, length: float = DAY) -> RecordBatch:
    row = {"ts": ts, "mac": mac, "assigned_addr": address, "lease_time": length, "msg_types": list(messages) or None}
    return batch("dhcp", row)


def who(identities: Identities, one: RecordBatch, end: str = "orig") -> str:
    """Return by what name the device at the end of a batch's last record is known."""
    told, column = identities.of(one).frame, f"{end}_device"
    named = told[column][-1] if column in told.columns else None
    return str(named or told[f"id.{end}_h"][-1])


def knowing(*batches: RecordBatch) -> Identities:
    identities = Identities()
    for one in batches:
        identities.of(one)
    return identities


def test_without_macs_and_leases_the_address_is_the_device() -> None:
    one = conn(1.0, ONE, resp_l2_addr=None)
    assert Identities().of(one) is one


def test_two_devices_that_change_their_addresses_stay_who_they_are() -> None:
    identities = knowing(conn(0.0, ONE, HUE), conn(1.0, OTHER, CAMERA))
    assert who(identities, conn(10.0, ONE, CAMERA)) == OTHER
    assert who(identities, conn(11.0, OTHER, HUE)) == ONE
    assert [who(identities, dns(ts, ONE)) for ts in (5.0, 12.0)] == [ONE, OTHER]


def test_both_ends_are_devices() -> None:
    identities = knowing(conn(0.0, ONE, HUE), conn(1.0, OTHER, HUE))
    assert who(identities, conn(2.0, THIRD, CAMERA, OTHER, resp_l2_addr=HUE), "resp") == ONE


def test_what_was_learned_of_an_address_before_its_mac_was_known_is_the_macs() -> None:
    identities = knowing(conn(0.0, ONE, resp_l2_addr=None), lease(HOUR, HUE, ONE), lease(2 * HOUR, HUE, OTHER))
    assert who(identities, conn(3 * HOUR, OTHER, resp_l2_addr=None)) == ONE


def test_an_address_that_is_leased_anew_is_another_device_from_then_on() -> None:
    identities = knowing(lease(0.0, HUE, ONE), lease(HOUR, HUB, ONE), lease(HOUR + 2.0, HUE, OTHER))
    assert who(identities, conn(HOUR - 1.0, ONE)) == ONE
    assert who(identities, conn(HOUR + 1.0, ONE)) == HUB
    assert who(identities, conn(HOUR + 3.0, OTHER)) == ONE


def test_a_connection_that_began_before_the_change_is_of_who_had_the_address_then() -> None:
    identities = knowing(lease(0.0, HUE, ONE), lease(HOUR, HUB, ONE))
    assert who(identities, conn(HOUR - 60.0, ONE, duration=120.0)) == ONE


def test_an_offer_that_was_not_taken_is_no_lease() -> None:
    identities = knowing(lease(0.0, HUE, ONE), lease(HOUR, HUB, ONE, "DISCOVER", "OFFER"))
    assert who(identities, dns(HOUR + 1.0, ONE)) == ONE


def test_a_late_record_does_not_give_an_address_back() -> None:
    identities = knowing(conn(0.0, ONE, HUE), conn(100.0, ONE, CAMERA), conn(50.0, ONE, HUE, duration=90.0))
    assert who(identities, dns(150.0, ONE)) == CAMERA


def test_the_ipv6_addresses_of_one_mac_are_one_device() -> None:
    identities = knowing(conn(0.0, ONE, HUE), conn(1.0, "fe80::1", HUE))
    for day in range(40):
        assert who(identities, conn(day * DAY, f"2001:db8::{day + 1:x}", HUE)) == "fe80::1"
        assert who(identities, conn(day * DAY, ONE, HUE)) == ONE


def test_hosts_behind_a_router_that_is_not_seen_with_public_addresses_are_told_apart() -> None:
    identities = Identities()
    hosts = [f"10.9.0.{n}" for n in (1, 2)]
    for n in range(6):
        who(identities, conn(n * 60.0, hosts[n % 2], CAMERA, resp=ONE, resp_l2_addr=HUE))
    assert [who(identities, conn(600.0 + n, host, CAMERA, resp=ONE)) for n, host in enumerate(hosts)] == hosts


def test_so_are_many_ipv6_hosts_behind_a_border_router() -> None:
    identities = Identities()
    hosts = [f"fd00::{n:x}" for n in range(1, 12)]
    for n, host in enumerate(hosts):
        who(identities, conn(float(n), host, CAMERA, resp=ONE, resp_l2_addr=HUE))
    assert [who(identities, conn(60.0 + n, host, CAMERA, resp=ONE)) for n, host in enumerate(hosts)] == hosts


def test_leases_that_explain_every_move_make_no_router() -> None:
    identities = knowing(lease(0.0, HUE, ONE))
    for n in range(1, 10):
        address = (ONE, OTHER)[n % 2]
        identities.of(lease(n * HOUR, HUE, address))
        assert who(identities, conn(n * HOUR + 60.0, address, HUE)) == ONE


def test_what_the_log_calls_local_is_of_the_site_whatever_its_address() -> None:
    identities = knowing(conn(0.0, ONE, HUE), conn(1.0, "203.0.114.7", HUE, local_orig=True))
    assert who(identities, conn(2.0, "203.0.114.7", HUE, local_orig=True)) == ONE
    configured = Identities(local_networks=["203.0.114.0/24"])
    for one in (conn(0.0, ONE, HUE), conn(1.0, "203.0.114.7", HUE)):
        configured.of(one)
    assert who(configured, conn(2.0, "203.0.114.7", HUE)) == ONE


@pytest.mark.parametrize("asked", [OTHER, HUE, HUE.upper()])
def test_a_device_is_found_by_its_address_and_by_its_mac(asked: str) -> None:
    assert knowing(conn(0.0, ONE, HUE), conn(1.0, OTHER, HUE)).name_of(asked) == ONE


def test_many_addresses_are_told_as_each_is() -> None:
    identities = knowing(conn(0.0, ONE, HUE), conn(1.0, OTHER, HUE), conn(2.0, THIRD, CAMERA))
    asked = [ONE, OTHER, THIRD, FAR, "never seen"]
    expected = [(ONE, HUE), (ONE, HUE), (THIRD, CAMERA), (FAR, None), ("never seen", None)]
    assert [(name, found and found.mac) for name, found in identities.users_of(asked)] == expected
    assert [(identities.name_of(one), identities.lookup(one)) for one in asked] == identities.users_of(asked)


_TIMES = st.integers(0, 40).map(lambda n: n * 900.0)
_MACS = st.sampled_from([HUE, CAMERA, HUB, ROUTER, None])
_ADDRESSES = st.sampled_from([ONE, OTHER, THIRD, "fe80::1", "2001:db8::2", "2a00::3", FAR, "ff02::1"])
_CONNS = st.builds(
    lambda ts, a, m, b, n: conn(ts, a, m, b, resp_l2_addr=n), _TIMES, _ADDRESSES, _MACS, _ADDRESSES, _MACS
)
_LEASES = st.builds(lease, _TIMES, st.sampled_from([HUE, CAMERA, HUB]), st.sampled_from([ONE, OTHER, THIRD]))
_RECORDS = st.lists(st.one_of(_CONNS, st.builds(dns, _TIMES, _ADDRESSES), _LEASES), max_size=40)


def outcome(identities: Identities, batches: Iterable[RecordBatch]) -> dict[str, list[Any]]:
    """Return the names at both ends of all records, by log kind."""
    found: dict[str, list[Any]] = {"conn": [], "dns": []}
    for one in batches:
        frame = identities.of(one).frame
        for column in DEVICES if one.kind in found else ():
            names = frame[column].to_list() if column in frame.columns else [None] * frame.height
            found[one.kind].extend(zip(frame["ts"].to_list(), [column] * frame.height, names, strict=True))
    return {kind: sorted(rows, key=repr) for kind, rows in found.items()}


def joined(records: Iterable[RecordBatch]) -> list[RecordBatch]:
    """Return consecutive records as one batch a kind, in their turns, as a read gives them."""
    frames: dict[str, list[pl.DataFrame]] = {}
    for one in records:
        frames.setdefault(one.kind, []).append(one.frame)
    return [RecordBatch(kind, pl.concat(frames[kind])) for kind in sorted(frames, key=turn_of)]


@settings(deadline=None, max_examples=60)
@given(records=_RECORDS, cuts=st.lists(st.integers(0, 40), max_size=6), capacity=st.sampled_from([2, 100]))
def test_how_a_log_is_cut_and_where_it_goes_on_after_a_restart_does_not_matter(
    records: list[RecordBatch], cuts: list[int], capacity: int
) -> None:
    one_kind = [one for one in records if one.kind == "conn"]
    whole, pieces = Identities(capacity), Identities(capacity)
    bounds = [0, *sorted(cuts), len(one_kind)]
    expected, found = outcome(whole, joined(one_kind)), []
    for begin, end in pairwise(bounds):
        found += outcome(pieces, joined(one_kind[begin:end]))["conn"]
        pieces = Identities.from_state(json.loads(json.dumps(pieces.state())))
    assert sorted(found, key=repr) == expected["conn"]
    assert pieces.state() == whole.state()


@settings(deadline=None, max_examples=60)
@given(records=_RECORDS, cuts=st.lists(st.integers(0, 40), max_size=6))
def test_reads_of_many_kinds_give_the_same_as_one_record_at_a_time(records: list[RecordBatch], cuts: list[int]) -> None:
    """If an address changes hands once in a read; records that are written later never count for earlier ones."""
    in_order = sorted(records, key=lambda one: (one.frame["ts"][0], turn_of(one.kind)))
    changed: set[str] = set()
    single = []
    for one in in_order:  # one lease an address, no MACs in conn records
        address = one.frame["assigned_addr"][0] if one.kind == "dhcp" else None
        if address not in changed:
            single.append(one if one.kind != "conn" else without_macs(one))
        changed |= {address} if address else set()
    whole = outcome(Identities(), single)
    bounds = [0, *sorted(cuts), len(single)]
    reads = [one for begin, end in pairwise(bounds) for one in joined(single[begin:end])]
    assert outcome(Identities(), reads) == whole


def without_macs(one: RecordBatch) -> RecordBatch:
    nothing = pl.lit(None, pl.String)
    return RecordBatch("conn", one.frame.with_columns(orig_l2_addr=nothing, resp_l2_addr=nothing))
