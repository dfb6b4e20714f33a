"""Installations described by hand: telephones, a supply without breaks, a charging point, a hub of a whole house, a prober."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from lab.hosts import asked, clock, cloud, lease
from lab.household import in_hours
from lab.stage import GATEWAY, Stage, beats
from lab.traffic import Traffic, flows, lookups

if TYPE_CHECKING:
    from lab.hosts import Host


def _next(stage: Stage, index: int, offset: int = 1) -> str:
    return stage.address((index + offset) % stage.devices())


def handset(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Register at the exchange, which is the site's first device, and talk by day: RTP from and to ports drawn anew."""
    exchange = stage.address(0)
    rng = stage.rng("handset", address)
    register = beats(rng, begin, stage.end_s, 55.0, 0.05)
    calls = in_hours(beats(rng, begin, stage.end_s, 3000.0, 1.0), 8.0, 18.0)
    lasts = rng.lognormal(4.8, 0.9, len(calls))
    others = [n for n in range(1, stage.devices()) if n != index]
    direct = rng.uniform(size=len(calls)) < 0.4
    to = [stage.address(int(rng.choice(others))) if d and others else exchange for d in direct]
    voice = np.round(8000.0 * lasts).astype(np.int64)
    ports = rng.integers(5000, 16_000, (2, len(calls))) * 2
    parts = [
        flows(register, address, exchange, 5060, proto="udp", service="sip", duration=0.1, sent=560, received=480,
              source=5060),
        flows(calls, address, exchange, 5061, service="sip", duration=lasts, sent=2600, received=2400),
        flows(calls + 2.0, address, to, ports[0], proto="udp", duration=lasts, sent=voice, received=voice,
              source=ports[1]),
        clock(stage, address, begin, 3600.0),
        lease(stage, address, begin),
    ]  # fmt: skip
    return Traffic.join(parts)


def exchange(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Answer telephones, and keep the line to the provider: a registration a minute, calls by UDP."""
    del index
    rng = stage.rng("exchange", address)
    line = beats(rng, begin, stage.end_s, 60.0, 0.1)
    calls = in_hours(beats(rng, begin, stage.end_s, 1500.0, 1.0), 8.0, 18.0)
    lasts = rng.lognormal(4.8, 0.9, len(calls))
    voice = np.round(8000.0 * lasts).astype(np.int64)
    media = [f"198.18.40.{n}" for n in rng.integers(10, 26, len(calls))]
    parts = [
        flows(line, address, "198.18.40.5", 5060, proto="udp", service="sip", duration=0.1, sent=600, received=500,
              source=5060),
        flows(calls, address, media, rng.integers(10_000, 60_000, len(calls)), proto="udp", duration=lasts, sent=voice,
              received=voice, source=rng.integers(5000, 9000, len(calls)) * 2),
        clock(stage, address, begin),
    ]  # fmt: skip
    return Traffic.join(parts)


def supply(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Answer SNMP and Modbus of the building's management, which is the site's first device, and send a trap a day."""
    del index
    manager = stage.address(0)
    traps = beats(stage.rng("traps", address), begin, stage.end_s, 86_400.0, 0.3)
    parts = [
        asked(stage, address, begin, [manager], 161, 60.0, service="snmp", sent=82, received=94),
        asked(stage, address, begin, [manager], 502, 10.0, service="modbus", sent=12, received=23),
        flows(traps, address, manager, 162, proto="udp", service="snmp", state="S0", sent=140, source=161),
    ]
    return Traffic.join(parts)


def manager(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Ask what it manages (the managed say so themselves), and report to a cloud each five minutes."""
    del index
    return Traffic.join(
        [
            cloud(stage, address, begin, "in.facility.example", ("198.18.50.10",), 300.0, sent=9000),
            clock(stage, address, begin),
            lease(stage, address, begin),
        ]
    )


def charger(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Hold a WebSocket to the operator for a day at a time; charge every other night, with meter values by HTTPS."""
    del index
    rng = stage.rng("charger", address)
    held = np.arange(begin + 20.0, stage.end_s, 86_400.0)
    nights = in_hours(beats(rng, begin, stage.end_s, 300.0, 0.1), 19.0, 23.9)
    charges = nights[(nights // 86_400.0).astype(np.int64) % 2 == 0]
    parts = [
        flows(held, address, "198.18.60.8", 443, service="ssl", duration=np.minimum(86_380.0, stage.end_s - held),
              sent=1_900_000, received=900_000),
        flows(charges, address, "198.18.60.9", 443, service="ssl", duration=0.4, sent=2400, received=900),
        clock(stage, address, begin, 3600.0),
        lease(stage, address, begin),
    ]  # fmt: skip
    return Traffic.join(parts)


def house(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Speak for sixty sensors by radio: many short calls to a cloud by day, and bursts when a scene is set."""
    rng = stage.rng("house", address)
    moves = beats(rng, begin, stage.end_s, 25.0, 1.0)
    by_day = in_hours(moves, 6.5, 23.0)
    scenes = in_hours(beats(rng, begin, stage.end_s, 14_400.0, 1.0), 6.0, 23.9)
    burst = np.sort(np.repeat(scenes, 40) + rng.exponential(2.0, 40 * len(scenes)))
    peers = [f"198.18.70.{10 + n}" for n in rng.integers(0, 6, len(by_day) + len(burst))]
    times = np.sort(np.concatenate([by_day, burst]))
    sizes = np.round(900 * rng.lognormal(0.0, 0.8, len(times))).astype(np.int64)
    parts = [
        flows(times, address, peers, 443, service="ssl", duration=0.5, sent=sizes, received=700),
        lookups(times[::25] - 0.1, address, GATEWAY, ["events.hearth.example"] * len(times[::25])),
        flows(beats(rng, begin, stage.end_s, 60.0), address, _next(stage, index), 80, sent=300, received=1200),
        clock(stage, address, begin),
        lease(stage, address, begin),
    ]
    return Traffic.join(parts)


def pooled(stage: Stage, address: str, begin: float, index: int) -> Traffic:
    """Ask a cloud each five minutes, and each half hour ever other servers of the public pool for the time."""
    del index
    rng = stage.rng("pooled", address)
    times = beats(rng, begin, stage.end_s, 1800.0, 0.1)
    servers = [f"{rng.integers(24, 213)}.{rng.integers(256)}.{rng.integers(256)}.{rng.integers(1, 255)}" for _ in times]
    parts = [
        cloud(stage, address, begin, "api.sensy.example", ("198.18.80.4",), 300.0),
        lookups(times - 0.1, address, GATEWAY, [f"{n % 4}.pool.ntp.org" for n in range(len(times))], answer=servers),
        flows(times, address, servers, 123, proto="udp", service="ntp", duration=0.04, sent=48, received=48),
        lease(stage, address, begin),
    ]
    return Traffic.join(parts)


INSTALLED: Final[dict[str, Host]] = {
    "handset": handset,
    "exchange": exchange,
    "supply": supply,
    "manager": manager,
    "charger": charger,
    "house": house,
    "pooled": pooled,
}
"""Name to what makes a device's traffic, as `lab.hosts.HOSTS`."""
