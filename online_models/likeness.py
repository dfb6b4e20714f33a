"""What is like an alert: the same device, the same behaviour, and the same things.

The loop gives three keys for every anomaly (`things` in each kind's declaration); an alert keeps up to 32 of each. If
any of its records was about something new to the device, only such records count: what a device does as ever beside a
scan is no part of the scan. Which keys make another record alike depends on the behaviour, as its declaration says.

A behaviour also covers lesser ones that are the same thing seen otherwise: a scan is made of first contacts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models.behaviours import Likeness
from online_models.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from online_models.types import Alert

MOST_THINGS = 32
"""Keys of each of the three that an alert keeps: what is about more is no longer about any of them."""
_UNKNOWN = Likeness()


def likeness_in(log: str, behaviour: str) -> Likeness:
    """Return by what alerts of a behaviour are alike; what other models have raised is so by its first keys."""
    declared = KINDS[log].behaviours if log in KINDS else ()
    return next((one.likeness for one in declared if one.name == behaviour), _UNKNOWN)


def graver_in(log: str, behaviour: str) -> tuple[str, ...]:
    """Return the behaviours of which this one is the same thing seen otherwise, where both are about the same."""
    declared = KINDS[log].behaviours if log in KINDS else ()
    return tuple(one.name for one in declared if behaviour in one.likeness.covers and one.likeness.columns == (0,))


def likeness_of(alert: Alert) -> Likeness:
    """Return by what others are like this alert."""
    return likeness_in(alert.log, alert.behaviour)


def things_alike(alert: Alert) -> tuple[str, ...]:
    """Return the keys that others must share with this alert."""
    return alert.things[likeness_of(alert).column(alert.things)] if alert.things else ()


def covers(alert: Alert, behaviour: str, things: Sequence[Sequence[str]]) -> bool:
    """Whether what is said of an alert is said of its device's ``behaviour`` about these things as well."""
    likeness = likeness_of(alert)
    if not things or not alert.things or behaviour not in {alert.behaviour, *likeness.covers}:
        return False
    column = likeness.column(alert.things)
    return bool(things[column]) and set(things[column]) <= set(alert.things[column])
