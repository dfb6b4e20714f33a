"""What must never be blocked is found on the host and in the logs, and shown with its reason."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import polars as pl

from ingest.records import RecordBatch
from prevention.safeguards import Protection
from prevention.safeguards.host import of_host
from prevention.safeguards.servers import Servers

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "proc/net/route": (
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    ),
    "proc/net/ipv6_route": (
        "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001"
        " 00000400 00000001 00000000 00000003 eth0\n"
        "20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000"
        " 00000100 00000001 00000000 00000001 eth0\n"
    ),
    "proc/net/fib_trie": (
        "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 192.168.1.2\n        /32 host LOCAL\n"
        "     |-- 192.168.1.255\n        /32 link BROADCAST\n     |-- 192.168.1.0\n        /24 link UNICAST\n"
    ),
    "proc/net/if_inet6": "20010db8000000000000000000000002 02 40 00 80 eth0\n",
    "proc/net/arp": (
        "IP address       HW type     Flags       HW address            Mask     Device\n"
        "192.168.1.1      0x1         0x2         02:00:5e:00:00:01     *        eth0\n"
        "192.168.1.9      0x1         0x2         02:00:5e:00:00:09     *        eth0\n"
    ),
    "sys/class/net/eth0/address": "02:00:5e:00:00:02\n",
    "etc/resolv.conf": "# a comment\nnameserver 127.0.0.53\noptions edns0\n",
    "run/systemd/resolve/resolv.conf": "nameserver 192.168.1.53\nnameserver fe80::53%eth0\nnameserver junk\n",
}


def conn(*rows: tuple[str, str, int, int]) -> RecordBatch:
    columns = ("id.orig_h", "id.resp_h", "id.resp_p", "resp_bytes")
    return RecordBatch("conn", pl.DataFrame(rows, schema=columns, orient="row"))


def frames(*rows: tuple[str, str, str, str]) -> RecordBatch:
    columns = ("id.orig_h", "orig_l2_addr", "id.resp_h", "resp_l2_addr")
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    return RecordBatch("conn", frame.with_columns(pl.lit(443).alias("id.resp_p"), pl.lit(9).alias("resp_bytes")))


def found(servers: Servers) -> dict[str, str]:
    return {entry.what: entry.why for entry in servers.protected()}


def test_the_host_is_read(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert {entry.what: entry.why for entry in of_host(tmp_path)} == {
        "192.168.1.1": "default gateway of this host",
        "fe80::1": "default gateway of this host",
        "192.168.1.2": "address of this host",
        "192.168.1.255": "broadcast of this host's network",
        "2001:db8::2": "address of this host",
        "02:00:5e:00:00:01": "MAC of this host's default gateway",
        "02:00:5e:00:00:02": "MAC of this host",
        "127.0.0.53": "DNS server of this host",
        "192.168.1.53": "DNS server of this host",
        "fe80::53": "DNS server of this host",
    }


def test_a_host_without_ipv6_or_proc_is_no_error(tmp_path: Path) -> None:
    assert of_host(tmp_path) == []


def test_this_very_host_protects_itself() -> None:
    """Whatever address this machine sends from is on its list."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.250", 9))
            own = probe.getsockname()[0]
        except OSError:
            own = "127.0.0.1"
    assert Protection(of_host()).refusal_of(own) is not None


def test_servers_are_what_several_devices_rest_on() -> None:
    servers = Servers()
    servers.observe(conn(*((f"192.168.1.{n}", "192.168.1.53", 53, 80) for n in range(10, 14))))
    servers.observe(conn(*((f"192.168.1.{n}", "203.0.113.123", 123, 48) for n in range(10, 14))))
    servers.observe(conn(("192.168.1.10", "192.168.1.66", 53, 80), ("192.168.1.11", "192.168.1.67", 53, 0)))
    servers.observe(conn(*((f"192.168.1.{n}", "224.0.0.251", 53, 80) for n in range(10, 14))))
    assert found(servers) == {
        "192.168.1.53": "DNS server of many devices",
        "203.0.113.123": "NTP server of many devices",
    }


def test_one_device_cannot_make_itself_untouchable() -> None:
    """A bot that answers on port 53 is no DNS server of the site."""
    servers = Servers()
    servers.observe(conn(*((f"192.168.1.{n}", "192.168.1.53", 53, 80) for n in range(10, 20))))
    servers.observe(conn(*(("192.168.1.66", "192.168.1.67", 53, 80) for _ in range(100))))
    assert "192.168.1.67" not in found(servers)


def test_routers_are_known_by_the_strangers_behind_their_mac() -> None:
    servers, router, camera = Servers(), "02:00:5e:00:00:01", "02:00:5e:10:00:05"
    servers.observe(frames(("192.168.1.5", camera, "8.8.8.8", router), ("192.168.1.5", camera, "1.1.1.1", router)))
    servers.observe(frames(("192.168.1.5", camera, "192.168.1.1", router)))
    assert found(servers) == {router: "MAC of a router", "192.168.1.1": "address of a router"}


def test_a_bot_that_sends_under_strangers_addresses_is_no_router() -> None:
    """A flood from made-up senders, as Mirai's, would make its MAC, and so the bot, untouchable."""
    servers, bot, camera = Servers(), "02:00:5e:10:00:66", "02:00:5e:10:00:05"
    servers.observe(frames(*((f"8.8.{n}.8", bot, "192.168.1.5", camera) for n in range(50))))
    servers.observe(frames(("192.168.1.66", bot, "192.168.1.5", camera)))
    assert found(servers) == {}


def test_dhcp_servers_come_from_their_leases() -> None:
    servers = Servers()
    rows = [(f"02:00:5e:10:00:0{n}", "192.168.1.1") for n in range(4)]
    servers.observe(RecordBatch("dhcp", pl.DataFrame(rows, schema=["mac", "server_addr"], orient="row")))
    assert found(servers) == {"192.168.1.1": "DHCP server of many devices"}


def test_a_flood_of_spoofed_servers_costs_no_memory() -> None:
    servers = Servers()
    rows = ((f"10.{n >> 8 & 255}.{n & 255}.9", f"11.{n >> 8 & 255}.{n & 255}.1", 53, 80) for n in range(20_000))
    servers.observe(conn(*rows))
    assert len(servers._users) <= 4096  # noqa: SLF001 - the bound is the point
