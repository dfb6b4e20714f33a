"""A conn frame becomes arrays: who is the device, which way a record went, what stands where the log has nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from ingest.records import SCHEMAS, RecordBatch
from online_models.features.text import hashes, local_ranges
from online_models.kinds.conn_records import (
    ANSWERED,
    BROKEN,
    INBOUND,
    LATERAL,
    NO_REPLY,
    OUTBOUND,
    REFUSED,
    TO_GROUP,
    ConnColumns,
    conn_columns,
)

RANGES = local_ranges()
LOCAL, OTHER, OUTSIDE, FAR = "192.168.7.11", "192.168.7.12", "203.0.113.5", "198.51.100.9"
FLIPPED = {"id.orig_p": 443, "id.resp_p": 50_123}
STATES = {
    "SF": ANSWERED,
    "S1": ANSWERED,
    "S2": ANSWERED,
    "S3": ANSWERED,
    "RSTO": ANSWERED,
    "RSTR": ANSWERED,
    "S0": NO_REPLY,
    "SH": NO_REPLY,
    "RSTOS0": NO_REPLY,
    "REJ": REFUSED,
    "RSTRH": BROKEN,
    "SHR": BROKEN,
    "OTH": BROKEN,
    None: BROKEN,
    "new in Zeek 42": BROKEN,
}


def batch(kind: str, *rows: dict[str, Any]) -> RecordBatch:
    """Return a batch of records; what a row does not have is null."""
    columns = {name: [row.get(name) for row in rows] for name in SCHEMAS[kind]}
    return RecordBatch(kind, pl.DataFrame(columns, schema=SCHEMAS[kind]))


def conn(*rows: dict[str, Any]) -> ConnColumns:
    """Return conn arrays."""
    return conn_columns(batch("conn", *({"proto": "tcp", "id.resp_p": 443, **row} for row in rows)), RANGES)


def between(origin: str, target: str, **more: Any) -> dict[str, Any]:
    """Return a record between two addresses."""
    return {"id.orig_h": origin, "id.resp_h": target, **more}


def hash_of(text: str) -> int:
    """Return the hash of one string."""
    return int(hashes(pl.Series([text]))[0])


@pytest.mark.parametrize(
    ("record", "direction", "device", "peer"),
    [
        (between(LOCAL, OUTSIDE), OUTBOUND, LOCAL, OUTSIDE),
        (between(OUTSIDE, LOCAL), INBOUND, LOCAL, OUTSIDE),
        (between(LOCAL, OTHER), LATERAL, LOCAL, OTHER),
        (between(LOCAL, "239.255.255.250"), TO_GROUP, LOCAL, "239.255.255.250"),
        (between(LOCAL, "192.168.7.255"), TO_GROUP, LOCAL, "192.168.7.255"),
        (between("fe80::1", "ff02::fb"), TO_GROUP, "fe80::1", "ff02::fb"),
        (between(OUTSIDE, FAR), OUTBOUND, OUTSIDE, FAR),
        (between(OUTSIDE, FAR, local_resp=True), INBOUND, FAR, OUTSIDE),
        (between(OUTSIDE, FAR, local_orig=True, local_resp=True), LATERAL, OUTSIDE, FAR),
        (between(OUTSIDE, FAR, local_orig=True), OUTBOUND, OUTSIDE, FAR),
        (between(OUTSIDE, LOCAL, local_orig=False, local_resp=False), INBOUND, LOCAL, OUTSIDE),
        (between("0.0.0.0", "255.255.255.255"), TO_GROUP, "0.0.0.0", "255.255.255.255"),  # noqa: S104 - a DHCP client
    ],
)
def test_direction_decides_who_is_the_device(record: dict[str, Any], direction: int, device: str, peer: str) -> None:
    found = conn(record)
    assert found.direction.tolist() == [direction]
    assert (found.device[0], found.peer[0]) == (hash_of(device), hash_of(peer))


def test_the_network_is_the_peers_whoever_began() -> None:
    found = conn(between(LOCAL, OUTSIDE), between(OUTSIDE, LOCAL), between(LOCAL, "203.0.99.1"), between(LOCAL, FAR))
    assert found.network[0] == found.network[1] == found.network[2] != found.network[3]


def test_bytes_are_those_of_the_device_whoever_began() -> None:
    sizes = {"orig_bytes": 10, "resp_bytes": 70}
    found = conn(between(LOCAL, OUTSIDE, **sizes), between(OUTSIDE, LOCAL, **sizes))
    assert (found.up.tolist(), found.down.tolist()) == ([10.0, 70.0], [70.0, 10.0])


def test_payload_falls_back_on_what_the_headers_leave_and_is_never_negative() -> None:
    found = conn(
        between(LOCAL, OUTSIDE, orig_ip_bytes=100, orig_pkts=2, resp_ip_bytes=10, resp_pkts=1),
        between(LOCAL, OUTSIDE, orig_bytes=5, orig_ip_bytes=100, orig_pkts=2),
        between(LOCAL, OUTSIDE, orig_bytes=-5),
        between(LOCAL, OUTSIDE, orig_ip_bytes=100),
    )
    assert found.up.tolist() == [44.0, 5.0, 0.0, 0.0]
    assert found.down.tolist() == [0.0] * 4


def test_a_reply_taken_for_a_request_has_a_service_of_its_own_under_the_servers_port() -> None:
    found = conn(
        between(LOCAL, OUTSIDE, **FLIPPED),
        between(LOCAL, OUTSIDE, **{**FLIPPED, "id.resp_p": 50_999}),
        between(LOCAL, OUTSIDE),
        between(LOCAL, OUTSIDE, **{"id.orig_p": 50_123, "id.resp_p": 50_124}),
    )
    assert found.service[0] == found.service[1]
    assert len(set(found.service[1:].tolist())) == 3


def udp(source: int, port: int) -> dict[str, Any]:
    """Return what a UDP record has from one port to another."""
    return {"proto": "udp", "id.orig_p": source, "id.resp_p": port}


def icmp(kind: int | None, code: int = 0) -> dict[str, Any]:
    """Return what an ICMP record has."""
    return {"proto": "icmp", "id.orig_p": kind, "id.resp_p": code}


@pytest.mark.parametrize(
    ("row", "contact"),
    [
        (between(LOCAL, OUTSIDE), True),
        (between(LOCAL, OTHER), True),
        (between(LOCAL, "239.255.255.250", **udp(50_000, 1900)), False),
        (between(LOCAL, "192.168.7.255", **udp(137, 137)), False),
        (between(LOCAL, "224.0.0.22", proto="unknown_transport"), False),
        (between(OTHER, LOCAL, **udp(1900, 58_373)), False),
        (between(OTHER, LOCAL, **udp(3702, 58_373)), False),
        (between(OTHER, LOCAL, **udp(5353, 5353)), False),
        (between(OTHER, LOCAL, **udp(58_373, 1900)), True),
        (between(OTHER, LOCAL, **{"id.orig_p": 1900}), True),
        (between(LOCAL, OUTSIDE, **udp(1900, 58_373)), True),
        (between(OUTSIDE, LOCAL, **udp(5353, 58_373)), True),
        (between(LOCAL, OTHER, **udp(68, 67)), False),
        (between(OTHER, LOCAL, **udp(67, 68)), False),
        (between("fe80::1", "fe80::2", **udp(546, 547)), False),
        (between(OTHER, LOCAL, **udp(67, 43_020)), False),
        (between(LOCAL, OTHER, **udp(68, 69)), True),
        (between(LOCAL, OTHER, **icmp(8)), True),
        (between("fd00::1", "fd00::2", **icmp(128, 129)), True),
        (between(LOCAL, OUTSIDE, **icmp(3, 3)), False),
        (between(OUTSIDE, LOCAL, **icmp(11)), False),
        (between("fe80::1", "fe80::2", **icmp(135, 136)), False),
        (between(LOCAL, OTHER, **icmp(None)), True),
    ],
)
def test_groups_errors_answers_and_leases_are_no_contact(row: dict[str, Any], *, contact: bool) -> None:
    assert bool(conn(row).contact[0]) is contact


def test_types_and_codes_of_icmp_are_not_taken_for_ports() -> None:
    found = conn(*(between(LOCAL, OUTSIDE, proto="icmp", **{"id.orig_p": 8, "id.resp_p": port}) for port in (0, 2000)))
    assert found.service[0] != found.service[1]


def test_service_tells_side_protocol_and_port_apart_but_not_the_clients_port() -> None:
    different = [
        between(LOCAL, OUTSIDE),
        between(OUTSIDE, LOCAL),
        between(LOCAL, OUTSIDE, proto="udp"),
        between(LOCAL, OUTSIDE, **{"id.resp_p": 80}),
        between(LOCAL, "239.1.2.3"),
        between(LOCAL, OUTSIDE, proto="sctp"),
    ]
    found = conn(*different, between(LOCAL, OUTSIDE, **{"id.orig_p": 41_000}))
    assert len(set(found.service[:-1].tolist())) == len(different)
    assert found.service[-1] == found.service[0]


@pytest.mark.parametrize(("state", "outcome"), STATES.items())
def test_outcome_of_every_state_that_zeek_writes(state: str | None, outcome: int) -> None:
    assert conn(between(LOCAL, OUTSIDE, conn_state=state)).outcome.tolist() == [outcome]


def test_a_connection_ends_after_its_duration_and_never_before_it_began() -> None:
    durations = [2.5, None, -3.0, 0.0, 1e300]
    found = conn(*(between(LOCAL, OUTSIDE, ts=1000.0, duration=duration) for duration in durations))
    assert found.end[:4].tolist() == [1002.5, 1000.0, 1000.0, 1000.0]
    assert found.end[4] < 1e9
    assert np.isnan(found.duration[1])


@pytest.mark.parametrize(
    ("service", "expected"),
    [("ssh", True), ("gssapi,ntlm,smb", True), ("krb_tcp", True), ("ssl,imap", True), ("ssl", False)],
)
def test_services_that_ask_for_a_password_are_known_by_what_the_sensor_saw(service: str, *, expected: bool) -> None:
    assert conn(between(LOCAL, OUTSIDE, service=service)).login.tolist() == [expected]


def test_services_that_ask_for_a_password_are_known_by_their_port() -> None:
    found = conn(*(between(LOCAL, OUTSIDE, **{"id.resp_p": port}) for port in (22, 23, 139, 3389, 443, 53)))
    assert found.login.tolist() == [True, True, True, True, False, False]


def test_a_conn_record_of_nothing_but_nulls_has_numbers_everywhere_but_in_its_duration() -> None:
    found = conn_columns(batch("conn", {}), RANGES)
    for name, column in found._asdict().items():
        assert column.shape == (1,)
        assert np.isfinite(column.astype(np.float64)).all() == (name != "duration")


@pytest.mark.parametrize(
    ("history", "turned"),
    [
        ("Fr", True),
        ("DadA", True),
        ("F", True),
        ("ShADad", False),
        ("^dA", False),
        ("hr", False),
        ("", False),
        (None, False),
    ],
)
def test_the_rest_of_a_connection_that_began_before_is_the_callers(history: str | None, *, turned: bool) -> None:
    """Without a handshake the sender of the first packet need not have begun; the lower port is the server's."""
    ports = {"id.orig_p": 9999, "id.resp_p": 34_458}
    sizes = {"orig_bytes": 10, "resp_bytes": 300, "conn_state": "RSTR", "history": history}
    found = conn(between(OUTSIDE, LOCAL, **ports, **sizes))
    called = conn(between(LOCAL, OUTSIDE, **{"id.orig_p": 34_458, "id.resp_p": 9999}))
    assert found.turned.tolist() == [turned]
    assert found.device[0] == hash_of(LOCAL)
    assert found.direction[0] == (OUTBOUND if turned else INBOUND)
    assert (found.service[0] == called.service[0]) == turned
    assert (found.up[0], found.down[0]) == (300.0, 10.0)


def test_only_what_runs_from_a_lower_tcp_port_is_turned() -> None:
    records = [
        between(OUTSIDE, LOCAL, history="Fr", **{"id.orig_p": 50_000, "id.resp_p": 9999}),
        between(OUTSIDE, LOCAL, history="Dd", proto="udp", **{"id.orig_p": 9999, "id.resp_p": 50_000}),
    ]
    assert not conn(*records).turned.any()
