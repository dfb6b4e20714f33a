"""conn: what a connection says about its device's relation to its own past.

Who acts is the local end: the originator, or the responder if only that is local. Nothing is said of what is no
contact of two ends, as groups, ICMP errors, answers to what was asked of a group, and leases: it shows that a device
is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models.kinds.conn_amounts import count_amount, given, given_away, learn_amount
from online_models.kinds.conn_bounds import (
    HALF,
    MOST_RETRIES,
    attempts,
    bound,
    by_itself,
    credit,
    expect,
    share_of_hour,
)
from online_models.kinds.conn_names import TRIES_COLUMNS, count_try, name
from online_models.kinds.conn_records import NUMBERS, read_columns, read_context
from online_models.kinds.conn_told import NOTES, tell
from online_models.kinds.conn_words import BEHAVIOURS, CLAUSES, service_in_network
from online_models.kinds.kind import Entries, Kind, recent_things, view_of
from online_models.measures.excess import AMOUNT, FAILURES, OTHER_THINGS, RECORDS, THINGS
from online_models.measures.past import FAR, MEMORY, UNUSUAL, USUAL
from online_models.measures.time import DAY
from online_models.program.formulas import LEAST_GAPS, least, log2, most, where
from online_models.program.registers import (
    AFTER,
    BOUND,
    COUNT,
    CREDIT,
    DOUBT,
    HOLD,
    LEARN,
    MEANWHILE,
    MEASURE,
    NAME,
    TELL,
    TOLD,
)

if TYPE_CHECKING:
    from online_models.kinds.kind import Formulas
    from online_models.program.formulas import Value

PART = 1000.0
"""Records of one size that send an hour's amount between them, at most, and each have a full part in it."""
ODD = 1.0
"""Decades from which on the forests learn a new endpoint's first record only: on a quiet site, a few more would make a
beacon ordinary."""
MET = 0.25
"""How new to a device an endpoint is at least that the site has used for a week."""
RARE = 0.25
"""Rarity of new peers from which on a stranger's outcome, amount and beat count in full."""
HEARD = 0.75
"""How much less a burst outside counts that was answered: who looks finds few."""
ENDPOINT_MEMORY = 50.0
"""Gaps of an endpoint that weigh in their mean: a new beat shows within the day."""
SIZES_MEMORY = 2.0 * DAY
"""Seconds of a service whose sizes weigh in what is usual, if those are more records: a busy address writes 500 within
an hour, and a night would make the sizes of every day strange."""


def _count_rest(f: Formulas) -> None:
    """Count what an open connection has sent since it was told of: it is counted itself."""
    with f.when(~f.is_known("endpoint")):
        count_amount(f)


def _count(f: Formulas) -> None:
    """Count the record, unless it is an outage.

    That is what fails at an endpoint, or in a network on a service, that the device has known for long, as often as a
    program may try it again.
    """
    known, failed = f.is_known("endpoint"), f.number("failed")
    last_hour = f.get("peer", "hour")
    is_new, _ = f.count_thing("peer", THINGS)
    with f.when(is_new):
        just_before = (last_hour >= f.hour_number - 1.0) * f.get("peer", "sent")
        f.set("peer", "sent_before", just_before)
        f.set("peer", "sent", 0.0)
    is_other, _ = f.count_thing("peer_service", OTHER_THINGS)
    f.bump("peer_service", "records")
    outage = f.variable(failed * known * ~(attempts(f) > MOST_RETRIES))
    with f.when(failed * ~known):
        f.assign(outage, f.number("outbound") * f.is_known("network") * f.is_known("service"))
    with f.when(~outage):
        f.count_record(failed)
    with f.when(~known):
        count_amount(f)
        f.bump("peer", "sent", given(f))
        with f.when(is_other * failed * ~outage):
            count_try(f)


class Measured:
    """What is measured of a record, by name."""

    def __init__(self, f: Formulas) -> None:
        self.known = f.is_known("endpoint")
        self.news = f.variable(1.0)
        with f.when(f.number("ping")):  # a router that asks whether a device is there which uses it
            f.assign(self.news, f.newness("caller"))
        with f.when(f.number("outbound")):  # whom a neighbour has met long is no stranger
            f.assign(self.news, MET + (1.0 - MET) * f.newness("site_endpoint"))
        with f.when(f.number("provided")):  # nor who has names and time for the site: each finds that out in its turn
            f.assign(self.news, MET)
        self.rare = self._rarity_of_peers(f)
        self.strange = least(1.0, self.rare / RARE)
        self._novelty(f)
        self._reach(f)
        self._volume(f)
        self._rhythm(f)
        self.guesses = self._guesses(f)
        self.by_itself = by_itself(f, self.known)
        new = least(*(f.feature(f"novelty.{name}") for name in ("endpoint", "service", "site")))
        told_first = most(f.number("outbound"), f.number("inbound") * f.number("exchanged")) * ~f.number("continued")
        self.all_new = new * told_first
        self.logged_in = f.number("lateral") * f.number("login") * f.number("exchanged") * ~f.number("continued")

    def _rarity_of_peers(self, f: Formulas) -> Value:
        """How rarely new peers come on the service: in time, and among its connections.

        On a service that the device used with no other peer, new services say how rarely.
        """
        known_for, calls, records = f.since("device"), f.get("endpoint", "count"), f.get("service", "count")
        services = f.others("device", "new_services", "faded_at", but="service")
        self.rare_services = f.variable(f.rarity(services, known_for) * self.news)
        rare = f.variable(self.rare_services)
        with f.when(records > calls):
            peers = f.others("service", "new_peers", "peers_faded_at", but="endpoint")
            connections = f.unfaded(records - calls, f.since("service"))
            among = most(0.0, 2.0 * f.surprise(peers, connections, 0.5))
            f.assign(rare, self.news * least(f.rarity(peers, known_for), among))
        return rare

    def _novelty(self, f: Formulas) -> None:
        new_endpoint, new_network = f.newness("endpoint"), f.newness("network")
        kin = where(f.number("lateral"), most(new_network, f.newness("service")), new_network)
        stranger = 0.5 * new_endpoint * (1.0 + kin)
        f.measure("novelty.endpoint", stranger * self.rare)
        networks = f.others("device", "new_networks", "faded_at", but="network")
        f.measure("novelty.network", self.news * new_network * f.rarity(networks, f.since("device")))
        f.measure("novelty.service", f.newness("service") * self.rare_services)
        f.measure("novelty.site", self.news * _site_novelty(f))
        outcomes = f.get_nth("service", "answered", f.number("outcome"))
        prior = where(f.number("answered"), USUAL, UNUSUAL)
        # a beat, or an outcome, is as odd with whom the site has met: what ordinary ones look like rests on all peers
        alone = where(f.number("outbound"), self.rare / most(MET, self.news), self.rare)
        self.stranger = stranger * least(1.0, alone / RARE)
        f.measure("novelty.outcome", self.stranger * f.surprise(outcomes, f.get("service", "count"), prior))

    def _reach(self, f: Formulas) -> None:
        """Measure how far the device reaches; a record has a part in what it is itself one of."""
        least_spread = where(f.number("outbound") * ~f.number("login"), HALF, 0.0)
        for window, span in enumerate(("minute", "hour")):
            for feature in ("peers", "services", "failures", "records"):
                f.measure(f"reach.{feature}_{span}", 0.0)
            excess = [f.excess(window, counter) for counter in (THINGS, OTHER_THINGS, FAILURES, RECORDS)]
            with f.when(most(*excess)):
                less = HEARD * f.answered(window)
                fan_out = where(self.known, 0.0, 1.0 - less)
                f.measure(f"reach.peers_{span}", excess[0] * fan_out)
                f.measure(f"reach.services_{span}", excess[1] * fan_out)
                f.measure(f"reach.failures_{span}", excess[2] * f.number("failed"))
                spread = most(least_spread, f.scattered(window))
                f.measure(f"reach.records_{span}", excess[3] * (1.0 - less * spread))

    def _volume(self, f: Formulas) -> None:
        exchanged, exchanges = f.number("exchanged"), f.get("service", "exchanged")
        # where ever new peers come, the sizes of some say nothing of those of others
        trusted = where(self.known, 1.0, self.strange)
        up = f.distance("service", "up", f.number("size_up"), f.get("service", "sent"))
        f.measure("volume.up", trusted * up * f.number("sends") * (given_away(f) > 0.0))
        f.measure("volume.down", f.distance("service", "down", f.number("size_down"), exchanges) * exchanged * trusted)
        lasted = f.distance("service", "duration", f.number("log_duration"), exchanges)
        f.measure("volume.duration", lasted * exchanged * f.number("has_duration") * trusted)
        part = PART * given(f) / most(1.0, f.observed(1, AMOUNT))
        f.measure("volume.sent_hour", f.excess(1, AMOUNT) * least(1.0, part) * self.strange * ~self.known)

    def _rhythm(self, f: Formulas) -> None:
        gap = f.deviation("service", "gap", log2(1.0 + f.gap("service")), f.get("service", "count"))
        f.measure("rhythm.gap", least(1.0, most(0.0, 0.0 - gap) / FAR))
        f.measure("rhythm.regularity", 0.0)
        with f.when(f.get("endpoint", "count") >= LEAST_GAPS):
            f.measure("rhythm.regularity", f.regularity("endpoint", "gap", self.stranger))

    def _guesses(self, f: Formulas) -> Value:
        """How far a device does little but ask for passwords, at one endpoint that is not known for long."""
        guesses = f.variable(0.0)
        with f.when(f.number("login") * ~f.number("inbound") * ~self.known):
            f.assign(guesses, share_of_hour(f))
        return guesses


def _site_novelty(f: Formulas) -> Value:
    devices = f.variable(f.get("site_network", "devices"))
    with f.when((devices > 0.0) * f.found("network") * (f.get("network", "first") >= f.get("site_network", "first"))):
        f.assign(devices, devices - 1.0)
    new = f.others("site_service", "new_networks", "last", but="site_network")
    return f.newness("site_network") / (1.0 + devices) * f.rarity(new, f.since("site_service"))


def _learn_called(f: Formulas) -> None:
    """Let a neighbour that answered grow older: to be called is a past, and a first call of its own then is news."""
    with f.when(f.number("lateral") * f.number("exchanged")):
        f.set("called", "first", where(f.get("called", "first") > 0.0, f.get("called", "first"), f.now))
        f.set("called", "last", most(f.get("called", "last"), f.now))
        f.bump("called", "count")
        f.touch("called_by")


def _learn(f: Formulas) -> None:
    _learn_called(f)
    _count_new(f)
    # what a connection of days was with, the device has known as long: at a broker's restart it is no news
    began = most(f.now - f.number("duration"), f.get("device", "first"))
    new_network = f.touch("network", began)
    f.touch("site_service")
    with f.when(f.number("exchanged")):  # who was called in vain was not met
        f.touch("site_endpoint")
        learn_amount(f)
    new_to_site = f.touch("site_network", began)
    f.bump("site_network", "devices", most(new_to_site, new_network))
    _learn_gap(f, "endpoint", ENDPOINT_MEMORY)
    f.bump("endpoint", "count")
    f.touch("endpoint", began)
    _learn_gap(f, "service", MEMORY)
    _learn_sizes(f)
    f.bump_nth("service", "answered", f.number("outcome"))
    f.bump("service", "count")
    f.touch("service", began)


def _count_new(f: Formulas) -> None:
    """Let what is new count in how often new things come, learned or not."""
    f.fade("device", "new_services", "new_networks", faded_at="faded_at")
    f.count_new("device", "new_networks", "network")
    f.fade("site_service", "new_networks", faded_at="last")
    f.count_new("site_service", "new_networks", "site_network")
    f.fade("service", "new_peers", faded_at="peers_faded_at")
    f.count_new("service", "new_peers", "endpoint")
    f.count_new("device", "new_services", "service")


def _learn_gap(f: Formulas, key: str, memory: float) -> None:
    seen = f.get(key, "count")
    with f.when((seen > 0.0) * (f.now >= f.get(key, "last"))):
        f.learn_moments(key, "gap", log2(1.0 + f.gap(key)), seen - 1.0, memory)


def _records_of_days(f: Formulas, count: Value) -> Value:
    """Return how many of so many records of the service weigh in what is usual."""
    return most(MEMORY, count / most(1.0, f.since("service") / SIZES_MEMORY))


def _learn_sizes(f: Formulas) -> None:
    with f.when(f.number("sends")):
        sent = f.get("service", "sent")
        f.learn_moments("service", "up", f.number("size_up"), sent, _records_of_days(f, sent))
        f.bump("service", "sent")
    with f.when(f.number("exchanged")):
        exchanges = f.get("service", "exchanged")
        weigh = _records_of_days(f, exchanges)
        f.bump("service", "exchanged")
        f.learn_moments("service", "down", f.number("size_down"), exchanges, weigh)
        with f.when(f.number("has_duration")):
            f.learn_moments("service", "duration", f.number("log_duration"), exchanges, weigh)


def _keep_from_forests(f: Formulas) -> None:
    """Keep a burst about what the device has not known for long from the forests.

    A scan or a flood that begins below the threshold would be ordinary within seconds, since it writes more records
    than all else. A burst about what a device knows is its own; and a site on which no device knows its own past yet
    has to learn from what comes. Of a connection that goes on, they have learned what is to be learned.
    """
    with f.when(f.is_settled * f.is_burst()):
        f.keep_from_forests(~f.is_known("endpoint"))
    with f.when(f.number("continued")):
        f.keep_from_forests(f.number("continued"))


def _begins(f: Formulas) -> Value:
    """Whether the record is a contact that is told of for the first time."""
    return f.number("contact") * ~f.number("continued")


def _formulas(f: Formulas) -> None:
    with f.section(COUNT):
        with f.when(_begins(f)):
            _count(f)
        with f.when(f.number("contact") * f.number("continued")):
            _count_rest(f)
    with f.section(MEASURE):
        measured = Measured(f)
        expect(f)
        # an address of no device yet, and what is no contact, are nobody's past. Lab: newcomer-beacon-15-min-24h
        f.is_nobody(most(f.number("nobody"), ~f.number("contact")))
    with f.section(BOUND):
        bound(f, measured.guesses, measured.all_new, measured.by_itself)
        # a rush to whom the device knows, or to ever new ones, is told by `reach`. Lab: life-patches
        f.bound("rhythm", f.decades("rhythm") * ~measured.known * measured.strange)
    with f.section(NAME):
        name(f, measured)
    with f.section(HOLD), f.when(f.evidence >= ODD):
        # a beacon would make itself ordinary where forests see little else. Lab: newcomer-beacon-15-min-24h
        f.keep_from_forests((f.get("endpoint", "first") > 0.0) * ~f.is_known("endpoint"))
    with f.section(LEARN), f.when(_begins(f)):
        _learn(f)
    with f.section(AFTER):
        _keep_from_forests(f)
    with f.section(DOUBT), f.when(_begins(f)):
        _count_new(f)
        for thing in ("network", "site_network", "endpoint", "service"):
            f.put_on_probation(thing)
        with f.when(f.is_known("endpoint")):  # of whom it has long known, what came to nothing was its own
            _learn_sizes(f)
    with f.section(TELL):
        tell(f)
        f.set("service", "anomalous_at", f.now)
    with f.section(TOLD), f.when(_begins(f)):
        _count_new(f)
    with f.section(MEANWHILE), f.when(_begins(f) * f.number("outbound") * f.number("exchanged")):
        _count_new(f)  # who browses is answered, and who scans is not: that it came often is true of the first
    with f.section(CREDIT):
        credit(f, measured.guesses, measured.all_new, measured.by_itself)


CONN = Kind(
    name="conn",
    device_columns=("new_services", "new_networks", "faded_at", *TRIES_COLUMNS),
    tables={
        "service": Entries(
            (
                *("first", "count", "new_peers", "peers_faded_at", "answered", "no_reply", "refused", "broken"),
                *("up", "up_variance", "down", "down_variance", "duration", "duration_variance"),
                *("gap", "gap_variance", "sent", "exchanged", "anomalous_at"),
            ),
            a_device=4,
        ),
        "endpoint": Entries(("first", "count", "gap", "gap_variance")),
        "network": Entries(("first",), adds=2),
        "site": Entries(("first", "devices", "new_networks", "most"), adds=3),
        "recent": recent_things("sent", "sent_before"),
    },
    keys={
        "service": "service",
        "endpoint": "endpoint",
        "network": "network",
        "site_network": "site",
        "site_service": "site",
        "site_endpoint": "site",
        "peer": "recent",
        "peer_service": "recent",
        "called": "device",
        "called_by": "network",
        "caller": "network",
    },
    numbers=NUMBERS,
    columns=read_columns,
    context=read_context,
    views=(
        view_of(
            CLAUSES, "novelty", weight=1.0, compares=1.0, forest=(100, 6)
        ),  # it decides most alerts: their order shall hardly depend on the seed
        view_of(CLAUSES, "reach", weight=0.7, compares=0.5, forest=(25, 6)),
        view_of(CLAUSES, "volume", weight=0.6, compares=1.0, forest=(25, 6)),
        view_of(CLAUSES, "rhythm", weight=0.4, compares=1.0, forest=(25, 6)),
    ),
    formulas=_formulas,
    things=("endpoint", "service", "peer"),
    recent_thing="peer_service",
    notes=NOTES,
    behaviours=BEHAVIOURS,
    share=0.5,
    subject=service_in_network,
)
