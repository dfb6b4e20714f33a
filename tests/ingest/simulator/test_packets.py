"""The packets hold what the logs tell, byte for byte, without a sensor to say so."""

from __future__ import annotations

import importlib
import sys
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pytest

from ingest.simulator import SimulatorConfig, SimulatorConfigError, simulate
from ingest.simulator.packets import MAX_CONNECTIONS, PacketSummary, write_packets

if TYPE_CHECKING:
    from pathlib import Path

IP_AND_UDP = 28


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[PacketSummary, list[Any]]:
    """Return ten minutes of five devices, as logs and as scapy reads them back."""
    out = tmp_path_factory.mktemp("packets")
    config = SimulatorConfig(out, devices=5, hours=1 / 6, attack="dns-exfil", attack_at_s=480.0, intensity=0.2)
    summary = write_packets(config, out / "sim.pcap")
    scapy = importlib.import_module("scapy.all")
    return summary, list(scapy.rdpcap(str(out / "sim.pcap")))


def test_packets_are_in_order_of_time(written: tuple[PacketSummary, list[Any]]) -> None:
    summary, packets = written
    times = [float(packet.time) for packet in packets]
    assert len(times) == summary.packets > 500
    assert times == sorted(times)


def test_sizes_are_those_of_the_log(written: tuple[PacketSummary, list[Any]]) -> None:
    """IP bytes by pair of addresses and ports, in each direction."""
    summary, packets = written
    wire: Counter[tuple[Any, ...]] = Counter()
    for packet in packets:
        ip = packet["IP"]
        wire[ip.src, ip.payload.sport, ip.dst, ip.payload.dport] += ip.len
    logged: Counter[tuple[Any, ...]] = Counter()
    for row in summary.logs["conn"].iter_rows(named=True):
        orig, resp = (row["id.orig_h"], row["id.orig_p"]), (row["id.resp_h"], row["id.resp_p"])
        logged[*orig, *resp] += row["orig_ip_bytes"]
        logged[*resp, *orig] += row["resp_ip_bytes"]
    assert wire == +logged


def test_dns_messages_say_what_the_log_says(written: tuple[PacketSummary, list[Any]]) -> None:
    summary, packets = written
    asked = Counter(
        packet["DNS"].qd[0].qname.decode().rstrip(".")
        for packet in packets
        if packet.haslayer("DNS") and not packet["DNS"].qr and packet["UDP"].dport == 53
    )
    rows = [row for row in summary.logs["dns"].iter_rows(named=True) if row["id.resp_p"] == 53]
    assert asked == Counter(row["query"] for row in rows)
    assert any(name.endswith(".t.metricsgrid.example") for name in asked)


def test_checksums_are_right(written: tuple[PacketSummary, list[Any]]) -> None:
    """A sensor that checks them must not drop a packet."""
    for packet in written[1][::25]:
        again = packet.__class__(bytes(packet))
        for layer in ("IP", "TCP", "UDP"):
            if again.haslayer(layer):
                sent = again[layer].chksum
                del again[layer].chksum
                again = packet.__class__(bytes(again))
                assert again[layer].chksum == sent


def test_handshakes_come_first(written: tuple[PacketSummary, list[Any]]) -> None:
    flags: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for packet in written[1]:
        if packet.haslayer("TCP"):
            ip = packet["IP"]
            ends = tuple(sorted([(ip.src, ip.payload.sport), (ip.dst, ip.payload.dport)]))
            flags[ends].append(str(packet["TCP"].flags))
    assert len(flags) > 20
    assert all(seen[:3] == ["S", "SA", "A"] for seen in flags.values() if len(seen) > 3)


def test_the_logs_are_those_of_the_simulator(tmp_path: Path) -> None:
    """Connections short enough to be whole are the rows that `simulate` writes, uid and all."""
    config = SimulatorConfig(tmp_path / "logs", devices=4, hours=0.1)
    summary = write_packets(config, tmp_path / "sim.pcap")
    simulate(config)
    lines = (config.out / "conn.log").read_text().splitlines()[8:-1]
    uids = {line.split("\t")[1] for line in lines}
    assert {row["uid"] for row in summary.logs["conn"].iter_rows(named=True)} == uids


def test_too_large_a_network_is_refused(tmp_path: Path) -> None:
    config = SimulatorConfig(tmp_path, devices=5000, hours=1.0)
    with pytest.raises(SimulatorConfigError, match=f"more than {MAX_CONNECTIONS} connections.*fewer devices"):
        write_packets(config, tmp_path / "sim.pcap")


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    config = SimulatorConfig(tmp_path, devices=1, hours=0.05)
    with pytest.raises(SimulatorConfigError, match=r"cannot write .*choose another file"):
        write_packets(config, tmp_path / "absent" / "sim.pcap")


def test_absent_scapy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None in ``sys.modules`` is how Python itself marks a module that cannot be imported."""
    monkeypatch.setitem(sys.modules, "scapy.layers.inet", None)
    with pytest.raises(SimulatorConfigError, match="needs scapy, which is not installed; install it with: pip"):
        write_packets(SimulatorConfig(tmp_path, devices=1, hours=0.05), tmp_path / "sim.pcap")
