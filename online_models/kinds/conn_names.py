"""By which behaviour an anomalous conn record is told, and which record raises the alert by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from online_models.kinds.conn_bounds import TRIED, attempts, share_of_hour
from online_models.kinds.conn_records import RETRIES
from online_models.measures.excess import FAILURES, OTHER_THINGS, RECORDS, THINGS
from online_models.measures.time import DAY
from online_models.program.formulas import least, most, where

if TYPE_CHECKING:
    from online_models.kinds.kind import Formulas
    from online_models.program.formulas import Value

MANY, NEW, MUCH = 0.25, 0.2, 0.75
"""Excess that is many; novelty in every way, and amount to strangers, that are decisive."""
GUESSES = 5.0
"""Calls within an hour of a stranger who asks a device for passwords, and whom it does not know for long, that are more
than a person's who came once and mistyped."""
TRIES = 3.0
"""Calls of one of those `TRIED` at most: who wants it calls it again."""
TRIES_COLUMNS = ("tried_on", "tried", "tried_hour")
"""Of a device: the port on which most of this hour's new peers did not answer, how many more than on others, and the
hour's number."""
POURED = 1024.0
"""KiB in an hour to one end that answers nothing, which are a flood however few records there are: a sensor writes one
for all datagrams of a flow, and what is meant to arrive is acknowledged."""


class Measured(Protocol):
    """What was measured of the record in hand.

    Attributes
    ----------
    known
        Whether the device knows the endpoint for long.
    all_new
        How far all about the record is new, and to be told at once.
    logged_in
        Whether the device was let in by a neighbour on a service that asks for a password.
    by_itself
        What `conn_bounds.by_itself` says.
    """

    known: Value
    all_new: Value
    logged_in: Value
    by_itself: tuple[Value, Value]


def name(f: Formulas, measured: Measured) -> None:
    """Name what an anomalous record's device is doing, by the view that is strongest and by how far it reaches."""
    decades = {view: weight * f.decades(view) for view, weight in f.weights.items()}
    of = f.behaviour
    inside = where(f.number("lateral"), of("lateral-contact"), of("new-peer"))
    guessed = f.number("login") * (attempts(f) >= GUESSES)
    called = where(guessed, of("brute-force"), of("inbound-contact"))
    contact = where(f.number("inbound"), called, inside)
    amounts = [f.feature(f"volume.{name}") for name in ("up", "sent_hour", "down", "duration")]
    gives = most(f.is_known("endpoint"), most(*amounts[:2]) >= most(*amounts[2:]))
    volume = where(gives, of("volume"), contact)  # whom it does not know for long gave much: that is no loss
    other = where(decades["volume"] >= decades["rhythm"], volume, of("rhythm"))
    named = f.variable(where(decades["novelty"] >= most(decades["volume"], decades["rhythm"]), contact, other))
    with f.when((f.feature("volume.sent_hour") >= MANY) * (decades["volume"] >= 1.0)):
        f.assign(named, of("volume"))  # that much is gone is worse than that a stranger has it
    bursts = [f.feature(f"reach.{name}_{span}") for span in ("minute", "hour") for name in ("failures", "records")]
    with f.when((most(*bursts) >= MANY) * (decades["reach"] >= 1.0)):
        f.assign(named, _kind_of_burst(f, named))
    fan_outs = [f.feature(f"reach.{name}_{span}") for span in ("minute", "hour") for name in ("peers", "services")]
    with f.when(most(*fan_outs) >= MANY):
        f.assign(named, of("scan"))
    with f.when(_is_one_of_many(f, measured)):
        f.assign(named, of("scan"))
    with f.when(f.number("outbound") * f.number("failed") * ~f.number("down") * (_poured(f) >= POURED)):
        f.assign(named, of("flood"))
    scans, floods = measured.by_itself
    itself = where(scans, of("scan"), where(f.number("login"), of("brute-force"), of("flood")))
    f.name_behaviour(where(most(scans, floods), itself, named))
    # who logs in at a neighbour for the first time, on such a service at all, need not come again
    stepped_over = measured.logged_in * least(f.feature("novelty.endpoint"), f.feature("novelty.service"))
    new = most(measured.all_new >= NEW, stepped_over >= NEW)
    whole_day = f.since("device") >= DAY
    decides = most(new, (f.feature("volume.sent_hour") >= MUCH) * whole_day)
    met = f.is_named(named, "new-peer") * ~f.number("login")
    # who answers outside is a habit of an evening or a night, for all that is known of whom nobody has seen a whole day
    daily = most(met, f.is_named(named, "volume")) * f.number("outbound") * f.number("exchanged") * ~whole_day
    f.decide(where(decides, 1.0, 0.0 - most(met * f.is_at_once("service"), 2.0 * daily)))


def _poured(f: Formulas) -> Value:
    """How much the device sent this peer in the last hour, KiB."""
    return f.last_hour("peer", "sent", "sent_before")


def count_try(f: Formulas) -> None:
    """Count a new peer that did not answer for its port, or against another one's: who has the majority stays."""
    with f.when(f.hour_number - f.get("device", "tried_hour")):
        f.set("device", "tried_hour", f.hour_number)
        f.set("device", "tried", 0.0)
    same = f.variable(~(f.number("port") - f.get("device", "tried_on")))
    with f.when(~(f.get("device", "tried") > 0.0)):
        f.set("device", "tried_on", f.number("port"))
        f.assign(same, 1.0)
    f.bump("device", "tried", where(same, 1.0, -1.0))


def _is_one_of_many(f: Formulas, measured: Measured) -> Value:
    """Whether a record tries in vain what is one of many tries of the last hour: a port of many hosts, or many of one.

    Those who agree on their ports look for each other among strangers, and that is no scan.
    """
    peers, services = (f.observed(1, counter) - f.usual(1, counter) for counter in (THINGS, OTHER_THINGS))
    swept = ~(f.number("port") - f.get("device", "tried_on")) * (f.get("device", "tried") >= TRIED)
    knocked = least(services - most(0.0, peers), f.observed(1, FAILURES)) >= TRIED
    tried = f.number("failed") * ~f.number("agreed") * ~measured.known * ~(attempts(f) > TRIES)
    return tried * most(swept, knocked)


def _kind_of_burst(f: Formulas, otherwise: Value) -> Value:
    """Name a burst of records by whether most went each to another, or half of the last hour's to this endpoint.

    Who calls one end again and again, each time that the last call has failed, floods nobody.
    """
    minute, hour = (most(f.feature(f"reach.failures_{s}"), f.feature(f"reach.records_{s}")) for s in ("minute", "hour"))
    fast = minute >= hour
    things, others, records = (
        where(fast, f.observed(0, counter), f.observed(1, counter)) for counter in (THINGS, OTHER_THINGS, RECORDS)
    )
    guessing = f.number("login") * (share_of_hour(f) >= 1.0)
    flood = where(f.observed(0, RECORDS) > RETRIES, f.behaviour("flood"), otherwise)
    burst = where(guessing, f.behaviour("brute-force"), flood)
    return where(2.0 * most(things, others) >= records, f.behaviour("scan"), burst)
