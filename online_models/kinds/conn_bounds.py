"""Between what least and what most the views of a conn record lie, and what they count before a site is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models.clauses import CONN as CLAUSES
from online_models.program.formulas import least, most

if TYPE_CHECKING:
    from online_models.kinds.kind import Formulas
    from online_models.program.formulas import Value

REACH_PRIOR, MOST_FAN_OUT, MOST_BURST = 8.0, 10.0, 7.0
"""Decades of 256 times a busy but ordinary window: on a site of which little is known; on any other at most, in peers
or services; and at most in records or failures alone: a device that starts is busy, and knocks at few doors."""
LEAST_NEW = 18.0
"""Decades of what is new in every way (peer, service, network to the site), where nothing new had ever come, on any
site at least: one that wrote a few hundred records yet cannot know how rare that is."""
LEAST_SCAN = 8.0
"""Decades of a fan-out and of failures that are both 256 times a busy but ordinary window, on any site at least; and
of as many records with which the device asks one stranger for passwords."""
FAST_MATURE, SLOW_MATURE = 36.0, 4.0
"""How many times sooner than a device's newness these count in full: of a minute after 20 min, of an hour after 3 h."""
LEAST_SENT = 9.0
"""Decades of 256 times a busy but ordinary hour's amount to strangers, on any site at least."""
_REACH = tuple(name for name in CLAUSES if name.startswith("reach."))


def expect(f: Formulas) -> None:
    """Count the views by what is true of any site, while this one is little known."""
    f.expect_novelty()
    f.expect("reach", f.maturity * REACH_PRIOR * most(*map(f.feature, _REACH)))
    f.expect("volume", REACH_PRIOR * f.feature("volume.sent_hour"))


def _unanswered(f: Formulas, span: str) -> Value:
    """How far a record is part of a fan-out that finds nobody."""
    fan_out = most(f.feature(f"reach.peers_{span}"), f.feature(f"reach.services_{span}"))
    return least(fan_out, f.feature(f"reach.failures_{span}"))


def _least_reach(f: Formulas, guesses: Value | float) -> Value:
    fast = most(_unanswered(f, "minute"), guesses * f.feature("reach.records_minute"))
    slow = most(_unanswered(f, "hour"), guesses * f.feature("reach.records_hour"))
    young = least(1.0, FAST_MATURE * f.maturity) * fast
    return LEAST_SCAN * most(young, least(1.0, SLOW_MATURE * f.maturity) * slow)


def bound(f: Formulas, guesses: Value, all_new: Value) -> None:
    """Keep the decades of a view between the least and the most that its features have on any site.

    ``guesses`` in [0, 1] tells how far the device asks a stranger for passwords and does little else, ``all_new`` how
    far all about the record is new.
    """
    f.bound("novelty", most(f.decades("novelty"), f.maturity * LEAST_NEW * all_new))
    fan_out = most(
        *(f.feature(f"reach.{name}_{span}") for span in ("minute", "hour") for name in ("peers", "services"))
    )
    burst = most(
        *(f.feature(f"reach.{name}_{span}") for span in ("minute", "hour") for name in ("failures", "records"))
    )
    most_burst = MOST_BURST + guesses * (MOST_FAN_OUT - MOST_BURST)
    at_most = least(f.decades("reach"), most(MOST_FAN_OUT * fan_out, most_burst * burst))
    f.bound("reach", most(at_most, _least_reach(f, guesses)))
    f.bound("volume", most(f.decades("volume"), f.maturity * LEAST_SENT * f.feature("volume.sent_hour")))
    with f.when(f.number("continued")):  # what it is was said when it was told of first
        for view in ("novelty", "reach", "rhythm"):
            f.bound(view, 0.0)
    with f.when(most(f.number("nobody"), ~f.number("contact"))):
        for view in ("novelty", "reach", "volume", "rhythm"):
            f.bound(view, 0.0)


def credit(f: Formulas, guesses: Value, all_new: Value) -> None:
    """Where a view's least decided, give the view's part to the features that it was made of."""
    novelty, reach, volume = f.decades("novelty"), f.decades("reach"), f.decades("volume")
    with f.when((novelty > 0.0) * (novelty <= f.maturity * LEAST_NEW * all_new)):
        third = f.take_all("novelty") / 3.0
        for name in ("endpoint", "service", "site"):
            f.credit(f"novelty.{name}", third)
    unanswered = _least_reach(f, 0.0)
    by_scan = (reach > 0.0) * (reach <= unanswered)
    with f.when(by_scan):
        half = f.take_all("reach") / 2.0
        fast = _unanswered(f, "minute") >= _unanswered(f, "hour")
        for span, is_it in (("minute", fast), ("hour", ~fast)):
            more_peers = f.feature(f"reach.peers_{span}") >= f.feature(f"reach.services_{span}")
            f.credit(f"reach.peers_{span}", half * is_it * more_peers)
            f.credit(f"reach.services_{span}", half * is_it * ~more_peers)
            f.credit(f"reach.failures_{span}", half * is_it)
    with f.when(~by_scan * (reach > 0.0) * (reach <= _least_reach(f, guesses))):
        all_of_it = f.take_all("reach")
        fast = f.feature("reach.records_minute") >= f.feature("reach.records_hour")
        f.credit("reach.records_minute", all_of_it * fast)
        f.credit("reach.records_hour", all_of_it * ~fast)
    with f.when((volume > 0.0) * (volume <= f.maturity * LEAST_SENT * f.feature("volume.sent_hour"))):
        f.credit("volume.sent_hour", f.take_all("volume"))
