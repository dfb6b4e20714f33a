"""Addresses in Suricata's events are written as Zeek writes them: a device is the same in both sensors' logs."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

COMMON = {
    "timestamp": "2018-09-14T11:40:31.500000+0000",
    "flow_id": 7,
    "src_ip": "10.0.0.2",
    "src_port": 40000,
    "dest_ip": "192.0.2.1",
    "dest_port": 80,
    "proto": "TCP",
}


def eve(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps({**COMMON, **event}).encode() + b"\n" for event in events)


@given(st.ip_addresses())
def test_an_address_is_one_device_however_it_is_written(decode: Any, ip: IPv4Address | IPv6Address) -> None:
    """Suricata writes IPv6 in full, Zeek as short as can be and mapped IPv4 addresses as IPv4."""
    http = {"event_type": "http", "http": {}}
    written = decode(eve({**http, "src_ip": ip.exploded}, {**http, "dest_ip": ip.exploded.upper()})).frames["http"]
    mapped = getattr(ip, "ipv4_mapped", None)
    assert written["id.orig_h"][0] == written["id.resp_h"][1] == socket.inet_ntop(*packed(mapped or ip))


def packed(ip: IPv4Address | IPv6Address) -> tuple[socket.AddressFamily, bytes]:
    return (socket.AF_INET if ip.version == 4 else socket.AF_INET6), ip.packed


def test_a_device_with_ipv6_is_the_same_in_both_sensors_logs(decode: Any) -> None:
    """Also in DHCP and in answers, and for a mapped IPv4 address."""
    full, mapped = "fd00:0000:0000:0000:0000:0000:0000:00a1", "0000:0000:0000:0000:0000:ffff:c0a8:0105"
    zeek = b'{"_path":"http","ts":1.5,"id.orig_h":"fd00::a1","id.resp_h":"192.168.1.5","method":"GET","uri":"/"}\n'
    http = {"event_type": "http", "src_ip": full, "dest_ip": mapped, "http": {"http_method": "GET", "url": "/"}}
    frame = decode(eve(http) + zeek).frames["http"]
    assert frame.select("id.orig_h", "id.resp_h").unique().rows() == [("fd00::a1", "192.168.1.5")]
    dns = {"type": "answer", "id": 9, "rrname": "a", "answers": [{"rrtype": "AAAA", "ttl": 5, "rdata": full}]}
    dhcp = {"type": "reply", "dhcp_type": "ack", "client_mac": "02:00:00:00:00:01", "assigned_ip": full}
    frames = decode(eve({"event_type": "dns", "dns": dns}, {"event_type": "dhcp", "dhcp": dhcp})).frames
    assert (frames["dns"]["answers"][0].to_list(), frames["dhcp"]["assigned_addr"][0]) == (["fd00::a1"], "fd00::a1")
