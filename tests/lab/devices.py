"""What ordinary devices do: public captures in a loop, and devices described by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from lab import captures
from lab.further_hosts import FURTHER
from lab.hosts import HOSTS
from lab.household import HOUSEHOLD
from lab.installed_hosts import INSTALLED
from lab.mqtt import MQTT_HOSTS
from lab.stage import GATEWAY, Stage
from lab.tls import TLS_HOSTS
from lab.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Capture:
    """A captured device: its log, its own address there, its network's gateway, and hosts that are left out."""

    log: str
    address: str
    gateway: str
    kinds: tuple[str, ...] = ("conn",)
    without: tuple[str, ...] = ()


BY_HAND: Final = {**HOSTS, **HOUSEHOLD, **FURTHER, **TLS_HOSTS, **MQTT_HOSTS, **INSTALLED}
"""Devices described by hand, by name."""
CAPTURED: Final = {
    "hue": Capture("iot23/4-1.conn.log.labeled", "192.168.1.132", "192.168.1.1"),
    "somfy": Capture("iot23/7-1.conn.csv", "192.168.1.158", "192.168.1.1"),
    "blink-1": Capture("benign_week/blink-cam-01", "192.168.1.129", "192.168.1.1", ("conn", "dns")),
    "blink-2": Capture("benign_week/blink-cam-02", "192.168.1.130", "192.168.1.1", ("conn", "dns")),
    "lockly": Capture("benign_week/lockly-hub-01", "192.168.1.128", "192.168.1.1", ("conn", "dns")),
    "sifely": Capture("benign_week/sifely-hub-01", "192.168.1.127", "192.168.1.1", ("conn", "dns")),
    "pi-1": Capture("iot23/42-1.conn.log.labeled", "192.168.1.197", "192.168.1.1", without=("185.244.25.183",)),
    "pi-3": Capture("iot23/20-1.conn.csv", "192.168.100.103", "192.168.100.1"),
}
"""Ordinary devices of the captures; what is labelled as an attack, and the attackers' hosts, are left out.

The Raspberry Pi of IoT-23's 34-1 is none of them: what it does beside its labelled attacks is a bot's work as well.
"""


def ordinary(name: str, stage: Stage, index: int) -> Traffic:
    """Return what a device does from when it joins to the end.

    Raises
    ------
    CaptureMissingError
        The device is captured, and the capture is not there.
    KeyError
        There is no such device.
    """
    begin, address = stage.joined_s(index), stage.address(index)
    if name in CAPTURED:
        return _captured(CAPTURED[name], stage, begin, address)
    host: Callable[[Stage, str, float, int], Traffic] = BY_HAND[name]
    return host(stage, address, begin, index).where(pl.col("written") < stage.end_s)


def needs_captures(name: str) -> bool:
    """Whether a device is a captured one."""
    return name in CAPTURED


def _captured(capture: Capture, stage: Stage, begin: float, address: str) -> Traffic:
    path = {k: f"{capture.log}/{k}.log" if len(capture.kinds) > 1 else capture.log for k in capture.kinds}
    frames = {kind: _own(captures.read(path[kind], kind), capture) for kind in capture.kinds}
    length = float(np.nanmax(frames["conn"]["ts"].to_numpy()))
    names = {capture.address: address, capture.gateway: GATEWAY}
    parts = [captures.looped(f, kind, (begin, stage.end_s), names, length) for kind, f in frames.items()]
    return Traffic.join(parts)


def _own(frame: pl.DataFrame, capture: Capture) -> pl.DataFrame:
    mine = (pl.col("id.orig_h") == capture.address) | (pl.col("id.resp_h") == capture.address)
    strangers = pl.col("id.resp_h").is_in(capture.without) | pl.col("id.orig_h").is_in(capture.without)
    return frame.filter(mine & ~strangers & ~pl.col("label").str.to_lowercase().str.contains("malicious|c&c"))
