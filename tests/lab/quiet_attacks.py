"""Attacks that keep to what a device might do: its bandwidth is lent to strangers, its address taken, a cloud borrowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from lab.stage import GATEWAY, Stage, by_name
from lab.traffic import Traffic, flows, lookups, requests

if TYPE_CHECKING:
    from lab.attacks import Attack
    from lab.recipe import Act


def proxy(stage: Stage, act: Act) -> Traffic:
    """Lend the line to strangers: a controller that is held for hours, and for each of its orders a site of the world."""
    a = by_name(act.args, hours=8.0, every=20.0, port=7777)
    rng, begin = stage.rng("proxy", act.device), act.at_h * 3600.0
    end = min(begin + float(a["hours"]) * 3600.0, stage.end_s - 1.0)
    me, controller = stage.address(act.device), "45.155.205.44"
    gaps = rng.exponential(float(a["every"]), int((end - begin) / float(a["every"])))
    times = begin + 30.0 + np.cumsum(gaps)
    times = times[times < end - 30.0]
    held = np.arange(begin, end - 1800.0, 1800.0)
    sites = rng.integers(0, 3000, len(times))
    names = [f"www.shop{n}.example" for n in sites.tolist()]
    hosts = [f"{30 + n % 170}.{n * 31 % 250}.{n * 17 % 250}.{1 + n % 250}" for n in sites.tolist()]
    size = np.round(30_000 * rng.lognormal(0.0, 1.2, len(times))).astype(np.int64)
    return Traffic.join(
        [
            flows(held, me, controller, int(a["port"]), duration=1795.0, sent=int(size.sum() / max(len(held), 1)),
                  received=200_000),
            lookups(times - 0.1, me, GATEWAY, names, answer=hosts),
            flows(times, me, hosts, 443, service="ssl", duration=3.0, sent=2500, received=size),
        ]
    )  # fmt: skip


def taken(stage: Stage, act: Act) -> Traffic:
    """Take a device's address when it is away: a computer with tools looks around, slowly, and logs in at neighbours."""
    a = by_name(act.args, to=1, every=240.0)
    me, at = stage.address(act.device), act.at_h * 3600.0
    to, others = stage.address(int(a["to"])), [stage.address(n) for n in range(stage.devices()) if n != act.device]
    get = requests(at + 40.0 * np.arange(3.0), me, "185.224.137.9", "http.tooly.example",
                   ["/dists/rolling/InRelease", "/pool/a.deb", "/pool/b.deb"], received=3_000_000,
                   agent="Debian APT-HTTP/1.3")  # fmt: skip
    looks = at + 900.0 + float(a["every"]) * np.arange(len(others) * 4.0)
    ports = [(22, 80, 445, 8080)[n % 4] for n in range(len(looks))]
    seen = [others[n // 4] for n in range(len(looks))]
    logs_in = at + 9000.0 + 120.0 * np.arange(4.0)
    return Traffic.join(
        [
            lookups(at + np.array([0.0, 1.0]), me, GATEWAY, ["http.tooly.example", "ntp.tooly.example"]),
            get,
            flows(looks, me, seen, ports, state="REJ"),
            flows(logs_in, me, to, 22, service="ssh", duration=60.0, sent=20_000, received=90_000),
        ]
    )


QUIET_ATTACKS: Final[dict[str, Attack]] = {"proxy": proxy, "taken": taken}
"""Kind of act to what makes its records, as `lab.attacks.ATTACKS`."""
