"""Attacks that were captured, with the addresses of a site, each from the beginning of its own first record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from lab import captures
from lab.stage import GATEWAY, Stage, by_name
from lab.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lab.recipe import Act

    Attack = Callable[[Stage, Act], Traffic]

_BOT, _GATEWAY = "192.168.1.195", "192.168.1.1"


def _play(stage: Stage, act: Act, frames: dict[str, pl.DataFrame], addresses: Mapping[str, str]) -> Traffic:
    """Place the frames so that the first record of all begins with the act."""
    by_name(act.args)
    first = min(float(frame["ts"].min()) for frame in frames.values() if len(frame))  # type: ignore[arg-type]  # floats
    parts = []
    for kind, frame in frames.items():
        own = frame.with_columns(pl.col("ts") - first)
        parts.append(captures.placed(own, kind, act.at_h * 3600.0, addresses, act.speed))
    return Traffic.join(parts).where(pl.col("written") < stage.end_s)


def _labelled(log: str, bot: str, gateway: str, label: str) -> Attack:
    def attack(stage: Stage, act: Act) -> Traffic:
        frame = captures.read(log)
        part = frame.filter(pl.col("label").str.contains(label))
        return _play(stage, act, {"conn": part}, {bot: stage.address(act.device), gateway: GATEWAY})

    return attack


def _whole(folder: str, bot: str, peers: Mapping[str, str], kinds: tuple[str, ...]) -> Attack:
    def attack(stage: Stage, act: Act) -> Traffic:
        frames = {kind: captures.read(f"zeek_pcaps/{folder}/tsv/{kind}.log", kind) for kind in kinds}
        return _play(stage, act, frames, {bot: stage.address(act.device), **peers})

    return attack


def _sweep_18(stage: Stage, act: Act) -> Traffic:
    frame = captures.read("zeek_pcaps/test12-icmp-portscan/tsv/conn.log")
    return _play(stage, act, {"conn": frame}, {"192.168.1.109": stage.address(act.device)})


def _graph_tunnel(capture: str, client: str) -> Attack:
    def attack(stage: Stage, act: Act) -> Traffic:
        truth = captures.truth_of("dns_tunnel/truth.tsv.gz", capture)
        frame = captures.read("dns_tunnel/dns.log.gz", "dns").filter(pl.col("uid").is_in(truth)).head(_MOST)
        resolvers = dict.fromkeys(frame["id.resp_h"].unique().to_list(), GATEWAY)
        return _play(stage, act, {"dns": frame}, {client: stage.address(act.device), **resolvers})

    return attack


_MOST: Final = 3000
"""Records of a long tunnel that are enough to judge by."""
CAPTURED: Final[dict[str, Attack]] = {
    "mirai-command": _labelled("iot23/34-1.conn.log.labeled", _BOT, _GATEWAY, r"C&C"),
    "mirai-flood": _labelled("iot23/34-1.conn.log.labeled", _BOT, _GATEWAY, r"DDoS"),
    "mirai-scan": _labelled("iot23/34-1.conn.log.labeled", _BOT, _GATEWAY, r"PortScan"),
    "torii": _labelled("iot23/20-1.conn.csv", "192.168.100.103", "192.168.100.1", r"Torii"),
    "downloads": _labelled("iot23/42-1.conn.log.labeled", "192.168.1.197", "192.168.1.1", r"Malicious"),
    "syn-scan": _whole("synscan", "172.16.0.8", {}, ("conn",)),
    "ssh-guesses": _whole("malicious-ssh-bruteforce", "147.32.80.40", {"147.32.80.37": "45.77.13.9"}, ("conn",)),
    "ping-sweep": _sweep_18,
    "dnscat2-pcap": _whole("dns_exfiltration", "192.168.220.56", {"192.168.203.167": GATEWAY}, ("conn", "dns")),
    "iodine-pcap": _whole("dns-tunnel-iodine", "10.0.2.30", {"10.0.2.20": GATEWAY}, ("conn", "dns")),
    "iodine-long": _graph_tunnel("iodine-cname", "192.168.117.128"),
    "dnscat2-long": _graph_tunnel("dnscat2-cname_00001_20230903170247", "192.168.68.62"),
}
"""Kind of act to what makes its records; all of these need the captures."""
