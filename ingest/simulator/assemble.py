"""From packets of the script to frames on the wire, by scapy, which is needed here only and may be absent."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ingest.simulator.config import SimulatorConfigError
from ingest.simulator.payloads import Exchange

if TYPE_CHECKING:
    from types import ModuleType

    from ingest.simulator.tcp_script import Packet

_FLAGS = {"S": "S", "h": "SA", "A": "A", "D": "PA", "T": "PA", "F": "FA", "R": "RA"}
_WINDOW = 64_240


def load_scapy(module: str) -> ModuleType:
    """Import a module of scapy.

    Raises
    ------
    SimulatorConfigError
        It is not installed.
    """
    try:
        return importlib.import_module(f"scapy.{module}")
    except ImportError as error:
        raise SimulatorConfigError(
            "writing packets needs scapy, which is not installed; install it with: pip install 'scapy>=2.6'"
        ) from error


@dataclass(slots=True)
class PacketEnds:
    """One connection's two ends: from a conn.log row to the headers of each of its packets."""

    row: dict[str, Any]
    layers: ModuleType = field(default_factory=lambda: load_scapy("layers.inet"))
    ethernet: ModuleType = field(default_factory=lambda: load_scapy("layers.l2"))

    def frame(self, packet: Packet, transport: Any) -> Any:
        """Return an Ethernet frame around a transport header."""
        row, (src, dst) = self.row, ("orig", "resp") if packet.by_orig else ("resp", "orig")
        link = self.ethernet.Ether(src=row[f"{src}_l2_addr"], dst=row[f"{dst}_l2_addr"])
        network = self.layers.IP(src=row[f"id.{src}_h"], dst=row[f"id.{dst}_h"], id=0, flags="DF")
        out = link / network / transport / packet.payload
        out.time = packet.time
        return out

    def ports(self, packet: Packet) -> dict[str, int]:
        """Return source and destination port."""
        src, dst = ("orig", "resp") if packet.by_orig else ("resp", "orig")
        return {"sport": self.row[f"id.{src}_p"], "dport": self.row[f"id.{dst}_p"]}


def udp_frames(row: dict[str, Any], packets: list[Packet]) -> list[Any]:
    """Return a UDP row's frames."""
    ends = PacketEnds(row)
    return [ends.frame(packet, ends.layers.UDP(**ends.ports(packet))) for packet in packets]


def tcp_frames(row: dict[str, Any], packets: list[Packet]) -> list[Any]:
    """Return a TCP row's frames, with sequence numbers as the two ends would count them."""
    ends, numbers = PacketEnds(row), SequenceNumbers()
    return [ends.frame(packet, _tcp(ends, packet, numbers)) for packet in packets]


@dataclass(slots=True)
class SequenceNumbers:
    """What both ends count: next sequence numbers (RFC 9293), where first segments began, latest timestamps."""

    orig: int = 1_000_000
    resp: int = 2_000_000
    first: dict[str, int] = field(default_factory=dict)
    clocks: dict[bool, int] = field(default_factory=dict)

    def stamp(self, packet: Packet) -> tuple[int, int]:
        """Return the packet's own timestamp in milliseconds, and the other end's latest to echo (RFC 7323)."""
        self.clocks[packet.by_orig] = int(packet.time * 1000) & 0xFFFFFFFF
        return self.clocks[packet.by_orig], self.clocks.get(not packet.by_orig, 0)

    def take(self, packet: Packet) -> tuple[int, int]:
        """Return sequence and acknowledgement number of a packet, and count it as sent."""
        mine, other = (self.orig, self.resp) if packet.by_orig else (self.resp, self.orig)
        if packet.letter in "Tt":
            return self.first[packet.letter], other
        if packet.letter in "Dd":
            self.first.setdefault("T" if packet.by_orig else "t", mine)
        length = len(packet.payload) + (packet.letter in "hFf")
        if packet.by_orig:
            self.orig += length
        else:
            self.resp += length
        return mine, other


def _tcp(ends: PacketEnds, packet: Packet, numbers: SequenceNumbers) -> Any:
    letter = packet.letter if packet.letter in "Sh" else packet.letter.upper()
    sequence, acknowledged = (numbers.orig - 1, 0) if letter == "S" else numbers.take(packet)
    return ends.layers.TCP(
        **ends.ports(packet),
        flags=_FLAGS[letter],
        seq=sequence,
        ack=acknowledged,
        window=_WINDOW,
        options=_options(letter, numbers.stamp(packet)),
    )


def _options(letter: str, stamp: tuple[int, int]) -> list[tuple[str, Any]]:
    """Return options of the sizes that `outcomes` counts: 20 bytes with a SYN, none with a RST, else 12."""
    if letter in "Sh":
        return [("MSS", 1460), ("SAckOK", b""), ("Timestamp", stamp), ("NOP", None), ("WScale", 7)]
    return [] if letter == "R" else [("NOP", None), ("NOP", None), ("Timestamp", stamp)]


def dhcp(row: dict[str, Any]) -> Exchange:
    """Return a renewal and its acknowledgement, or as many DISCOVER messages as the row counts (RFC 2131)."""
    layers, hardware = load_scapy("layers.dhcp"), bytes.fromhex(row["orig_l2_addr"].replace(":", ""))
    has_lease, own = row["id.resp_h"] != "255.255.255.255", row["id.orig_h"]
    size = row["orig_bytes"] // row["orig_pkts"]
    asked = layers.BOOTP(op=1, chaddr=hardware, xid=7, ciaddr=own)
    told = layers.BOOTP(op=2, chaddr=hardware, xid=7, yiaddr=own, siaddr=row["id.resp_h"])
    kind = "request" if has_lease else "discover"
    request = bytes(asked / layers.DHCP(options=[("message-type", kind), "end"]))
    reply = bytes(told / layers.DHCP(options=[("message-type", "ack"), ("lease_time", 7200), "end"]))
    return Exchange(request.ljust(size, b"\0") * row["orig_pkts"], reply.ljust(size, b"\0") * row["resp_pkts"])
