"""When things happen: a rhythm is a grid of times a device, late by some jitter and thinned by the hour of the day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.simulator.draws import combine, lane, uniform

if TYPE_CHECKING:
    from ingest.simulator.draws import Floats, Ints, Keys

Profile = tuple[float, ...]
DAY: Final = 86_400.0
FIRST_HOUR: Final = 8.0
"""Hour of the simulated day at which every simulation begins, so that contents never depend on the clock."""

FLAT: Final[Profile] = (1.0,) * 24
AT_HOME: Final[Profile] = (
    *(0.15, 0.05, 0.03, 0.02, 0.03, 0.10, 0.50, 0.90, 0.70, 0.30, 0.25, 0.30),
    *(0.40, 0.35, 0.25, 0.30, 0.45, 0.70, 0.90, 1.00, 1.00, 0.90, 0.70, 0.40),
)
DAYLIGHT: Final[Profile] = (
    *(0.05, 0.04, 0.04, 0.04, 0.06, 0.15, 0.50, 0.90, 1.00, 0.80, 0.70, 0.70),
    *(0.80, 0.75, 0.70, 0.80, 0.95, 1.00, 0.85, 0.60, 0.40, 0.25, 0.15, 0.08),
)
OFFICE: Final[Profile] = (
    *(0.02, 0.01, 0.01, 0.01, 0.01, 0.02, 0.10, 0.40, 0.90, 1.00, 1.00, 0.95),
    *(0.60, 0.90, 1.00, 0.95, 0.85, 0.60, 0.35, 0.30, 0.35, 0.30, 0.15, 0.05),
)


@dataclass(frozen=True, slots=True)
class Span:
    """The log seconds [begin, end) after the start."""

    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often one habit of a device comes round.

    Attributes
    ----------
    period
        Seconds between two turns, before the device's own variation.
    jitter
        How late a turn may be, as a share of the period, at most 1.
    spread
        How much devices differ in their period, as a share of it.
    chance
        Probability that a turn happens at all, at the profile's busiest hour.
    profile
        24 factors on `chance`, one an hour of the day.
    """

    period: float
    jitter: float = 0.1
    spread: float = 0.15
    chance: float = 1.0
    profile: Profile = FLAT


@dataclass(frozen=True, slots=True)
class Events:
    """Turns of one habit: arrays of equal length. Times are log seconds after the start.

    Attributes
    ----------
    device
        int64, index of the device.
    time
        float64, when the turn happens.
    key
        uint64, the key under which everything about the turn is drawn.
    period
        float64, the device's own period of this habit.
    """

    device: Ints
    time: Floats
    key: Keys
    period: Floats

    def __len__(self) -> int:
        return len(self.time)

    def where(self, mask: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Events:
        """Return the events for which `mask` holds."""
        return Events(self.device[mask], self.time[mask], self.key[mask], self.period[mask])

    def at(self, time: Floats, name: str) -> Events:
        """Return follow-up events of the same devices at other times, with keys of their own."""
        return Events(self.device, time, lane(self.key, name), self.period)


def hour_of_day(time: Floats) -> Floats:
    """Return the simulated hour of the day, in [0, 24), of log seconds after the start."""
    hours: Floats = (time / 3600.0 + FIRST_HOUR) % 24.0
    return hours


def likelihood(profile: Profile, time: Floats) -> Floats:
    """Return the profile's factor at each time."""
    return np.asarray(profile)[hour_of_day(time).astype(np.int64) % 24]


def turns(rhythm: Rhythm, name: str, seed: int, devices: Ints, span: Span) -> Events:
    """Return the turns of habit `name` whose place on the grid lies in the span.

    A turn is never earlier than its place on the grid, so a span and those before hold all until its end.
    """
    who = combine(name, seed, devices)
    period = rhythm.period * (1.0 + rhythm.spread * (2.0 * uniform(who, "period") - 1.0))
    phase = uniform(who, "phase") * period
    row, turn = _spans(_first_turn(span.begin, phase, period), _first_turn(span.end, phase, period))
    key = combine("turn", who[row], turn)
    time = phase[row] + turn * period[row] + rhythm.jitter * period[row] * uniform(key, "jitter")
    events = Events(devices[row], time, key, period[row])
    happens = uniform(key, "chance") < rhythm.chance * likelihood(rhythm.profile, time)
    return events.where(happens & (time >= 0.0))


def _first_turn(since: float, phase: Floats, period: Floats) -> Ints:
    """Return the first turn placed at `since` or later; one from before the start may be late enough to count."""
    if since <= 0.0:
        return np.full(len(phase), -1, dtype=np.int64)
    return np.maximum(np.ceil((since - phase) / period), -1.0).astype(np.int64)


def _spans(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """Return row number and value for every whole number in every [first, last)."""
    count = np.maximum(last - first, 0)
    row = np.repeat(np.arange(len(first)), count)
    before = np.cumsum(count) - count
    return row, np.arange(len(row)) - before[row] + first[row]
