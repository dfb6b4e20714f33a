"""The simulated network as packets in a pcap file, for sensors that are to see it themselves.

Every connection, DNS transaction and HTTP request of the simulated logs is there with its times, sizes and contents, so
what a sensor makes of the packets can be compared with the logs record for record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ingest.simulator import assemble, dns_wire, payloads, tcp, udp
from ingest.simulator.attacks import Campaign
from ingest.simulator.config import FIXED_START, SimulatorConfigError
from ingest.simulator.dns_frame import dns_frame
from ingest.simulator.frames import JOINT, Scene, conn_frame
from ingest.simulator.http_frame import http_frame
from ingest.simulator.network import Network
from ingest.simulator.outcomes import CARRIES
from ingest.simulator.payloads import BY_SERVICE, Exchange, anything
from ingest.simulator.site import make_site
from ingest.simulator.tables import SERVICES, TCP, Traffic
from ingest.simulator.tcp_script import Packet, tcp_packets, udp_packets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

    from ingest.simulator.config import SimulatorConfig
    from ingest.simulator.tables import Rows

MAX_CONNECTIONS: Final = 50_000
SHORTENED: Final = 20_000
"""Bytes each way after which transfers end, so that a pcap stays small."""
_MESSAGES: Final = 100
_LISTS: Final = ("answers", "TTLs", "orig_mime_types", "resp_mime_types")


@dataclass(frozen=True, slots=True)
class PacketSummary:
    """What was written: packets, and the rows that a sensor should see, one frame a log kind."""

    packets: int
    logs: dict[str, pl.DataFrame]


def write_packets(config: SimulatorConfig, path: Path) -> PacketSummary:
    """Write the network that `config` describes into a pcap file, whatever its ``out``, ``format`` and ``speed``.

    Raises
    ------
    SimulatorConfigError
        The network is too large for packets, scapy is not installed, or the file cannot be written.
    """
    scene = Scene.of(make_site(config.devices, config.seed), FIXED_START if config.start is None else config.start)
    traffic = _traffic(config, scene)
    logs = {
        "conn": conn_frame(traffic.flows, scene),
        "dns": dns_frame(traffic.dns, scene),
        "http": http_frame(traffic.http, scene),
    }
    frames = sorted(_frames(traffic.flows, logs), key=lambda frame: float(frame.time))
    _write(path, frames)
    return PacketSummary(len(frames), logs)


def _traffic(config: SimulatorConfig, scene: Scene) -> Traffic:
    """Return all rows, with long transfers cut short."""
    campaign = Campaign(config.attack, config.attack_begin_s, config.intensity)
    parts: list[Traffic] = []
    for part in Network(scene.site, campaign, config.seconds).slices():
        parts.append(part)
        if sum(len(p.flows) for p in parts) > MAX_CONNECTIONS:
            raise SimulatorConfigError(
                f"the simulated network has more than {MAX_CONNECTIONS} connections, too many for packets; "
                "expected fewer devices, fewer hours or a lower intensity"
            )
    traffic = Traffic.join(parts)
    return Traffic.of(_shorten(traffic.flows), traffic.dns, traffic.http)


def _shorten(flows: Rows) -> Rows:
    bulk = (flows["proto"] == TCP) & (flows["service"] != SERVICES.index("http"))
    bulk[bulk] = CARRIES[flows["history"][bulk]]
    rows = flows[bulk]
    messages = np.minimum(np.minimum(rows["orig_segments"], rows["resp_segments"]), _MESSAGES)
    sizes = [np.minimum(rows[f"{side}_bytes"], SHORTENED) for side in ("orig", "resp")]
    flows[bulk] = tcp.refill(rows, tcp.Payload(sizes[0], sizes[1], rows["duration"], messages))
    return flows


def _frames(flows: Rows, logs: dict[str, pl.DataFrame]) -> Iterator[Any]:
    """Yield the frames of every connection."""
    lookups, requests = (_by_uid(logs[kind]) for kind in ("dns", "http"))
    for row, flow in zip(logs["conn"].iter_rows(named=True), flows, strict=True):
        uid = row["uid"]
        if uid in lookups:
            yield from assemble.udp_frames(row, [p for lookup in lookups[uid] for p in _dns_packets(lookup)])
        elif row["proto"] == "udp":
            yield from assemble.udp_frames(row, udp_packets(row, _said(row, None)))
        else:
            segments = int(flow["orig_segments"]), int(flow["resp_segments"])
            said = _said(row, requests.get(uid, [None])[0])
            yield from assemble.tcp_frames(row, tcp_packets(row, int(flow["history"]), segments, said))


def _by_uid(frame: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each connection; sets and vectors become lists."""
    out: dict[str, list[dict[str, Any]]] = {}
    for row in frame.iter_rows(named=True):
        for name in _LISTS:
            if row.get(name) is not None:
                row[name] = row[name].split(JOINT)
        out.setdefault(row["uid"], []).append(row)
    return out


def _said(row: dict[str, Any], request: dict[str, Any] | None) -> Exchange:
    """Return what is said on a connection other than DNS."""
    if row["orig_bytes"] is None:  # one datagram, or one SYN
        row = row | {"orig_bytes": row["orig_ip_bytes"] - udp.HEADER if row["proto"] == "udp" else 0, "resp_bytes": 0}
    if request:
        return payloads.http(row, request)
    if row["id.resp_p"] == 1900:
        return payloads.ssdp(row)
    if row["service"] == "dhcp":
        return assemble.dhcp(row)
    return BY_SERVICE.get(row["service"], anything)(row)


def _dns_packets(row: dict[str, Any]) -> list[Packet]:
    """Return the query and, if there is one, the reply."""
    asked = Packet(row["ts"], "D", dns_wire.question(row))
    if row["rtt"] is None:
        return [asked]
    return [asked, Packet(row["ts"] + row["rtt"], "d", dns_wire.reply(row))]


def _write(path: Path, frames: list[Any]) -> None:
    writer = assemble.load_scapy("utils").PcapWriter
    try:
        with writer(str(path), linktype=1, sync=False) as out:
            out.write(frames)
    except OSError as error:
        raise SimulatorConfigError(f"simulator cannot write {path}: {error.strerror}; choose another file") from error
