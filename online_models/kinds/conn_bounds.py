"""Between what least and what most the views of a conn record lie, and what they count before a site is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models.kinds.conn_records import RETRIES
from online_models.kinds.conn_words import CLAUSES
from online_models.kinds.kind import MOST
from online_models.measures.excess import OTHER_THINGS, RECORDS, THINGS
from online_models.measures.past import LEAST_KNOWN
from online_models.measures.time import HOUR, MINUTE, SETTLING
from online_models.program.formulas import least, most

if TYPE_CHECKING:
    from online_models.kinds.kind import Formulas
    from online_models.program.formulas import Value

MOST_BURST = 7.0
"""Decades of 256 times a busy but ordinary window at most, in records or failures alone: a device that starts is busy,
and knocks at few doors."""
LEAST_NEW = 18.0
"""Decades of what is new in every way (peer, service, network to the site), where nothing new had ever come, on any
site at least: one that wrote a few hundred records yet cannot know how rare that is."""
LEAST_REACH = 8.0
"""Decades of a fan-out and of failures that are both 256 times a busy but ordinary window, on any site at least, of as
many records with which the device asks one stranger for passwords, and of as much that is sent to strangers in an hour;
and of as many of anything on a site of which little is known."""
FAST_MATURE = 36.0
"""How many times sooner than a device's newness what is of a minute counts in full: after 20 min."""
SLOW_MATURE = SETTLING / LEAST_KNOWN
"""The same of an hour: once the first things are known."""
SCANNED, FLOODED, GUESSED = 128.0, 1000.0, 20.0
"""Of a minute, what is told by itself, though nothing is known of the device or the site yet: hosts or services that
were tried, hardly any of which answered; records that were not answered, half of the hour's with one end; and calls
with which it is asked for passwords, half of the hour's again. An ordinary device that starts tries a few dozen hosts,
a program that tries again does so once a second, and a person mistypes a password three times."""
TRIED = 10.0
"""Hosts that do not answer on one port in an hour, services at hosts beyond what is usual, or neighbours that are asked
within a minute whether they are there, that are a scan though each is news by itself: nobody looks for so many that are
not there, and who has something to say to a neighbour says it. A router that looks for its devices has done so from its
first hours on."""
MOST_RETRIES = RETRIES * HOUR / MINUTE
"""Records in an hour with one end that is known for long that fails, which are an outage. More of them are a flood."""
HALF = 0.5
"""Of `scattered`, that is one peer for eight records: no more is as good as all with few, and a burst outside counts as
scattered so far at least."""
_HARDLY = 0.15
"""Of `answered`, that is nine in hundred."""
_REACH = tuple(name for name in CLAUSES if name.startswith("reach."))


def expect(f: Formulas) -> None:
    """Count the views by what is true of any site, while this one is little known."""
    f.expect_novelty()
    f.expect("reach", f.maturity * LEAST_REACH * most(*map(f.feature, _REACH)))
    f.expect("volume", LEAST_REACH * f.feature("volume.sent_hour"))


def attempts(f: Formulas) -> Value:
    """How many records there were with this endpoint in the last hour."""
    return f.last_hour("peer_service", "records", "records_before")


def share_of_hour(f: Formulas) -> Value:
    """How many of the device's records in the last hour went to this endpoint, 1 from half of them on."""
    return least(1.0, 2.0 * attempts(f) / most(1.0, f.observed(1, RECORDS)))


def by_itself(f: Formulas, known: Value) -> tuple[Value, Value]:
    """Return whether a record is part of a scan, and of a flood or of guesses, that needs no past to be told."""
    scans, bursts = f.variable(0.0), f.variable(0.0)
    unheard = f.number("failed") * ~(f.answered(0) >= _HARDLY)
    records, mostly = f.observed(0, RECORDS), share_of_hour(f) >= 1.0
    flooded = unheard * (records >= FLOODED) * mostly
    with f.when(~known * f.number("contact")):
        things = most(f.observed(0, THINGS), f.observed(0, OTHER_THINGS))
        pinged = f.number("ping") * (f.observed(0, THINGS) >= TRIED) * (f.maturity >= 1.0)
        f.assign(scans, most(unheard * (things >= SCANNED), pinged))
        concentrated = most(mostly, f.scattered(0) <= HALF)
        guesses = f.number("login") * (least(records, attempts(f)) >= GUESSED)
        f.assign(bursts, most(flooded, guesses * concentrated))
    with f.when(known * f.number("contact") * (attempts(f) > MOST_RETRIES)):
        f.assign(bursts, flooded)
    return scans, bursts


def _unanswered(f: Formulas, span: str) -> Value:
    """How far a record is part of a fan-out that finds nobody."""
    fan_out = most(f.feature(f"reach.peers_{span}"), f.feature(f"reach.services_{span}"))
    return least(fan_out, f.feature(f"reach.failures_{span}"))


def _least_reach(f: Formulas, guesses: Value | float) -> Value:
    fast = most(_unanswered(f, "minute"), guesses * f.feature("reach.records_minute"))
    slow = most(_unanswered(f, "hour"), guesses * f.feature("reach.records_hour"))
    young = least(1.0, FAST_MATURE * f.maturity) * fast
    return LEAST_REACH * most(young, least(1.0, SLOW_MATURE * f.maturity) * slow)


def bound(f: Formulas, guesses: Value, all_new: Value, itself: tuple[Value, Value]) -> None:
    """Keep the decades of a view between the least and the most that its features have on any site.

    ``guesses`` in [0, 1] tells how far the device asks a stranger for passwords and does little else, ``all_new`` how
    far all about the record is new, ``itself`` what `by_itself` says.
    """
    f.bound("novelty", most(f.decades("novelty"), f.maturity * LEAST_NEW * all_new))
    fan_out = most(
        *(f.feature(f"reach.{name}_{span}") for span in ("minute", "hour") for name in ("peers", "services"))
    )
    burst = most(
        *(f.feature(f"reach.{name}_{span}") for span in ("minute", "hour") for name in ("failures", "records"))
    )
    reach = f.variable(LEAST_REACH * most(*itself))
    with f.when(most(fan_out, burst)):
        most_burst = MOST_BURST + guesses * (MOST - MOST_BURST)
        at_most = least(f.decades("reach"), most(MOST * fan_out, most_burst * burst))
        f.assign(reach, most(reach, at_most, _least_reach(f, guesses)))
    # a sweep is more than ranks can tell, and a busy hour less. Lab: six-sweep-site-445-after-2h
    f.bound("reach", reach)
    f.bound("volume", most(f.decades("volume"), f.maturity * LEAST_REACH * f.feature("volume.sent_hour")))
    nothing = most(f.number("nobody"), ~f.number("contact"))
    for view in ("novelty", "reach", "volume", "rhythm"):
        # a connection that goes on was told of first, all but its amount
        with f.when(nothing if view == "volume" else most(nothing, f.number("continued"))):
            # what is no contact says nothing of who is there. Lab: newcomer-beacon-15-min-24h
            f.bound(view, 0.0)


def credit(f: Formulas, guesses: Value, all_new: Value, itself: tuple[Value, Value]) -> None:
    """Where a view's least decided, give the view's part to the features that it was made of."""
    novelty, reach, volume = f.decades("novelty"), f.decades("reach"), f.decades("volume")
    with f.when((novelty > 0.0) * (novelty <= f.maturity * LEAST_NEW * all_new)):
        names = ("endpoint", "service", "site")
        part = f.take_all("novelty") / float(len(names))
        for name in names:
            f.credit(f"novelty.{name}", part)
    scans, bursts = itself
    told = LEAST_REACH * most(scans, bursts)
    unanswered = most(_least_reach(f, 0.0), LEAST_REACH * scans)
    by_scan = (reach > 0.0) * (reach <= unanswered)
    with f.when(by_scan):
        half = f.take_all("reach") / 2.0
        fast = most(_unanswered(f, "minute") >= _unanswered(f, "hour"), scans)
        for span, is_it in (("minute", fast), ("hour", ~fast)):
            more_peers = f.feature(f"reach.peers_{span}") >= f.feature(f"reach.services_{span}")
            f.credit(f"reach.peers_{span}", half * is_it * more_peers)
            f.credit(f"reach.services_{span}", half * is_it * ~more_peers)
            f.credit(f"reach.failures_{span}", half * is_it)
    with f.when(~by_scan * (reach > 0.0) * (reach <= most(_least_reach(f, guesses), told))):
        all_of_it = f.take_all("reach")
        fast = most(f.feature("reach.records_minute") >= f.feature("reach.records_hour"), bursts)
        f.credit("reach.records_minute", all_of_it * fast)
        f.credit("reach.records_hour", all_of_it * ~fast)
    with f.when((volume > 0.0) * (volume <= f.maturity * LEAST_REACH * f.feature("volume.sent_hour"))):
        f.credit("volume.sent_hour", f.take_all("volume"))
