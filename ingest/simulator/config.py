"""What can be set about a simulation, and what it reports when it ends."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, get_args

from ingest.errors import IngestError

if TYPE_CHECKING:
    from pathlib import Path

Attack = Literal["mirai", "c2", "dns-exfil", "tls-c2", "tls-mimic", "mqtt-abuse", "none"]
LogFormat = Literal["tsv", "json"]

FIXED_START: Final = 1_767_600_000.0
"""Where log time begins when nothing else is said: 2026-01-05 08:00 UTC, a Monday."""

MAX_DEVICES: Final = 1_000_000
_LEAST_WITH_BROKER: Final = 5
"""The fifth device is the first lock; a hub and a plug come before."""
_MOST_WITH_BROKER: Final = 240
"""What a home's broker is asked to serve: those who hear everything hear of each device."""
KINDS: Final = ("conn", "dns", "http", "ssl", "x509", "mqtt_connect", "mqtt_publish", "mqtt_subscribe")
"""The logs that a simulation can write."""


class SimulatorConfigError(IngestError):
    """A simulation was asked for that cannot be made."""


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """One simulated network. Equal configurations with an equal `start` give equal bytes, whatever the speed.

    Attributes
    ----------
    out
        Folder for the logs and ``truth.tsv``; made if it is missing.
    devices
        Devices on the network, the gateway apart.
    hours
        Length of the simulation in log time.
    speed
        0 writes as fast as possible; X > 0 lets the files grow X times as fast as real time.
    attack
        What the victim, one device chosen by the seed, begins to do.
    format
        Zeek's tab-separated or JSON form.
    seed
        Seed of everything that varies.
    start
        Epoch seconds at which log time begins; None is `FIXED_START` at speed 0 and the present otherwise.
    attack_at_s
        Log seconds after the start at which the attack begins; None is two thirds of the duration.
    intensity
        Factor on the attack's rates: 0.1 is stealthy, 10 is loud.
    rotate_s
        Log seconds after which files are rotated as Zeek does it; None never rotates.
    broker
        Whether the devices at home have an MQTT broker, the first hub, beside their clouds. An attack on it has one.
    logs
        Which logs are written, of `KINDS`.
    """

    out: Path
    devices: int = 12
    hours: float = 24.0
    speed: float = 0.0
    attack: Attack = "none"
    format: LogFormat = "tsv"
    seed: int = 1
    start: float | None = None
    attack_at_s: float | None = None
    intensity: float = 1.0
    rotate_s: float | None = None
    broker: bool = False
    logs: tuple[str, ...] = KINDS

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated.

        Raises
        ------
        SimulatorConfigError
            The message names the setting, its value and what was expected.
        """
        for name, (value, good, expected) in self._checks().items():
            if not good:
                raise SimulatorConfigError(f"simulator setting {name} is {value!r}; expected {expected}")

    def _checks(self) -> dict[str, tuple[object, bool, str]]:
        rotate, begin = self.rotate_s, self.attack_at_s
        return {
            "devices": (self.devices, 1 <= self.devices <= MAX_DEVICES, f"a whole number from 1 to {MAX_DEVICES}"),
            "hours": (self.hours, _positive(self.hours), "a number of hours above 0"),
            "speed": (self.speed, math.isfinite(self.speed) and self.speed >= 0, "0 or a factor above 0"),
            "attack": (self.attack, self.attack in get_args(Attack), f"one of {', '.join(get_args(Attack))}"),
            "format": (self.format, self.format in get_args(LogFormat), "tsv or json"),
            "logs": (self.logs, bool(self.logs) and set(self.logs) <= set(KINDS), f"some of {', '.join(KINDS)}"),
            "broker": (
                (self.broker, self.devices),
                not self.has_broker or _LEAST_WITH_BROKER <= self.devices <= _MOST_WITH_BROKER,
                f"{_LEAST_WITH_BROKER} to {_MOST_WITH_BROKER} devices where there is a broker",
            ),
            "seed": (self.seed, 0 <= self.seed < 2**63, "a whole number from 0 to 2^63 - 1"),
            "start": (self.start, self.start is None or 0 <= self.start < 2**32, "epoch seconds"),
            "attack_at_s": (begin, begin is None or 0 <= begin <= self.seconds, "seconds within the duration"),
            "intensity": (self.intensity, 0 < self.intensity <= 1000, "a factor above 0, up to 1000"),
            "rotate_s": (rotate, rotate is None or (math.isfinite(rotate) and rotate >= 1), "1 second or more"),
        }

    @property
    def has_broker(self) -> bool:
        """Whether there is a broker at home."""
        return self.broker or self.attack == "mqtt-abuse"

    @property
    def seconds(self) -> float:
        """Length of the simulation in log seconds."""
        return self.hours * 3600.0

    @property
    def attack_begin_s(self) -> float:
        """Log seconds after the start at which the attack begins."""
        return self.seconds * 2 / 3 if self.attack_at_s is None else self.attack_at_s


def _positive(value: float) -> bool:
    return math.isfinite(value) and value > 0


@dataclass(frozen=True, slots=True)
class SimulationSummary:
    """What was written. Times are log time, epoch seconds.

    Attributes
    ----------
    records
        Records written, by log kind.
    seconds
        Wall-clock seconds that it took.
    victim
        Address of the attacking device; None without an attack.
    attack_window
        Begin and end of the attack; None without an attack, or when the simulation was stopped before it.
    attack_records
        Connections of the attack, as ``truth.tsv`` counts them.
    truth
        Path of the truth file.
    stopped
        The simulation was stopped before its end.
    """

    records: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    victim: str | None = None
    attack_window: tuple[float, float] | None = None
    attack_records: int = 0
    truth: Path | None = None
    stopped: bool = False
