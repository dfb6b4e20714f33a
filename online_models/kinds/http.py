"""http: the request's shape, its size, the device's reach, and newness.

The device is the client, or the server if it is local and the client is not; for a server the client stands in the
host's place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from online_models.behaviours import (
    CONTACT,
    LOSS,
    Behaviour,
    Likeness,
    Sighting,
    amount,
    counted_burst,
    plain,
    reach_clauses,
)
from online_models.features.http_columns import CLIENT_ERROR, SUCCESS, http_columns
from online_models.kinds.contexts import context_of_ends
from online_models.kinds.kind import (
    Entries,
    Kind,
    recent_things,
    view_of,
)
from online_models.measures.excess import FAILURES, OTHER_THINGS, RECORDS, THINGS
from online_models.measures.past import UNUSUAL, USUAL
from online_models.program.formulas import exp2, most, where
from online_models.program.machine import Keys
from online_models.program.registers import COUNT, DOUBT, LEARN, MEASURE, NAME, TELL, TOLD

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.records import RecordBatch
    from online_models.kinds.kind import Formulas
    from online_models.program.machine import Columns

CLAUSES = {
    "novelty.host": "a host that is new to it; it meets {u} new ones a day",
    "novelty.agent": "a user agent that is new to it; it shows {u} new ones a day",
    "novelty.method": "a method that {up} of its requests have",
    "novelty.status": "a status that {up} of its answers have",
    "novelty.site": "a host that {o} devices of the site use; the site meets {u} new ones a day",
    "shape.length": "a URI of {ob}; {ub} are usual at this host",
    "shape.strange": "{op} of the URI are characters that few URIs have",
    "shape.literal": "the host is a bare address",
    "volume.sent": "sent {ob}; {ub} are usual at this host",
    "volume.received": "received {ob}; {ub} are usual at this host",
    "volume.length": "a URI of {ob}; {ub} are usual at this host",
    **reach_clauses("hosts: hosts", "resources: resources", "failures: failures", "records: requests"),
}
_WHOLE_SITE, _AGENT_SALT, _METHOD_SALT = np.uint64(0x517E), np.uint64(0xA6E7), np.uint64(0x3E7D)
NUMBERS = (
    *("failed", "status", "success", "inbound", "length", "strange", "literal"),
    *("uri_bytes", "sent_bytes", "received_bytes", "log_uri", "log_sent", "log_received"),
)
_SIZES = {"sent": "sent", "received": "received", "length": "uri"}
_COUNTERS = ((THINGS, "hosts"), (OTHER_THINGS, "resources"), (FAILURES, "failures"), (RECORDS, "records"))


def _columns(batch: RecordBatch, ranges: npt.NDArray[np.uint64]) -> Columns:
    read = http_columns(batch, ranges)
    n, of_device = read.ts.size, Keys(read.device)
    host = np.where(read.inbound, read.peer, read.site_name)
    keys = Keys(read.device)
    own_host = keys.own(read.device, host)
    keys.own(of_device.own(read.device, np.full(n, _AGENT_SALT)), read.agent)
    keys.own(of_device.own(read.device, np.full(n, _METHOD_SALT)), read.method)
    keys.plain(host)
    keys.plain(np.full(n, _WHOLE_SITE))
    keys.own(own_host, host)
    keys.own(own_host, read.resource)
    numbers = {
        "failed": read.status >= CLIENT_ERROR,
        "status": read.status,
        "success": read.status == SUCCESS,
        "inbound": read.inbound,
        "length": np.minimum(1.0, np.log2(1.0 + read.uri_length) / 12.0),  # 4 KiB
        "strange": read.strange,
        "literal": read.literal,
        "uri_bytes": read.uri_length,
        "sent_bytes": read.sent,
        "received_bytes": read.received,
        "log_uri": np.log2(1.0 + read.uri_length),
        "log_sent": np.log2(1.0 + read.sent),
        "log_received": np.log2(1.0 + read.received),
    }
    return keys.with_numbers(read.ts, read.end, [numbers[name] for name in NUMBERS])


def _context(frame: pl.DataFrame, columns: Columns) -> pl.DataFrame:
    host = pl.col("host").fill_null(pl.col("id.resp_h").fill_null(""))
    target = pl.format("{} {}{}", pl.col("method").fill_null("?"), host, pl.col("uri").fill_null(""))
    return context_of_ends(frame, columns.numbers[:, NUMBERS.index("inbound")] > 0.0, target)


def _measure(f: Formulas) -> None:
    known_for, records, new_host = f.since("device"), f.get("device", "count"), f.newness("host")
    hosts, agents = (f.others("device", f"new_{thing}s", "faded_at", but=thing) for thing in ("host", "agent"))
    f.measure("novelty.host", new_host * f.rarity(hosts, known_for))
    f.measure("novelty.agent", f.newness("agent") * f.rarity(agents, known_for))
    f.measure("novelty.method", f.surprise(f.get("method", "count"), records))
    prior = where(f.number("success"), USUAL, UNUSUAL)
    statuses = f.get_nth("device", "success", f.number("status"))
    f.measure("novelty.status", new_host * f.surprise(statuses, records, prior))
    at_site = f.rarity(f.others("site", "new_hosts", "last", but="site_host"), f.since("site"))
    f.measure("novelty.site", f.newness("site_host") / (1.0 + f.get("site_host", "devices")) * at_site)
    for name in ("length", "strange", "literal"):
        f.measure(f"shape.{name}", f.number(name))
    for name, size in _SIZES.items():
        f.measure(f"volume.{name}", f.distance("host", size, f.number(f"log_{size}"), f.get("host", "count")))
    f.measure_reach(_COUNTERS)
    f.expect_novelty()


def _name(f: Formulas) -> None:
    """Name what an anomalous record's device is doing: the view that is strongest."""
    told_as = {"novelty": "new-host", "shape": "odd-request", "volume": "transfer", "reach": "crawl"}
    strongest = f.variable(f.weights["novelty"] * f.decades("novelty"))
    named = f.variable(f.behaviour("new-host"))
    for view, behaviour in told_as.items():
        decades = f.weights[view] * f.decades(view)
        with f.when(decades > strongest):
            f.assign(strongest, decades)
            f.assign(named, f.behaviour(behaviour))
    f.name_behaviour(named)


def _count_new(f: Formulas) -> None:
    """Let what is new count in how often new things come, learned or not."""
    f.fade("device", "new_hosts", "new_agents", faded_at="faded_at")
    f.count_new("device", "new_hosts", "host")
    f.count_new("device", "new_agents", "agent")
    f.fade("site", "new_hosts", faded_at="last")
    f.count_new("site", "new_hosts", "site_host")


def _learn(f: Formulas) -> None:
    f.bump_nth("device", "success", f.number("status"))
    _count_new(f)
    new_host = f.touch("host")
    f.touch("agent")
    f.touch("method")
    f.bump("method", "count")
    for size in _SIZES.values():
        f.learn_moments("host", size, f.number(f"log_{size}"), f.get("host", "count"))
    f.bump("host", "count")
    f.touch("site")
    new_to_site = f.touch("site_host")
    f.bump("site_host", "devices", most(new_to_site, new_host))


def _tell(f: Formulas) -> None:
    known_for, records = f.since("device"), most(1.0, f.get("device", "count"))
    for thing in ("host", "agent"):
        f.tell(f"novelty.{thing}", 1.0, f.rate_a_day(f.faded("device", f"new_{thing}s", "faded_at"), known_for))
    f.tell("novelty.method", 1.0, f.get("method", "count") / records)
    f.tell("novelty.status", 1.0, f.get_nth("device", "success", f.number("status")) / records)
    at_site = f.rate_a_day(f.faded("site", "new_hosts", "last"), f.since("site")) * f.found("site")
    f.tell("novelty.site", f.get("site_host", "devices"), at_site)
    f.tell("shape.length", f.number("uri_bytes"), exp2(f.get("host", "uri")) - 1.0)
    f.tell("shape.strange", f.number("strange"))
    f.tell("shape.literal", f.number("literal"))
    for name, size in _SIZES.items():
        f.tell(f"volume.{name}", f.number(f"{size}_bytes"), exp2(f.get("host", size)) - 1.0)
    f.tell_reach(_COUNTERS)


def _formulas(f: Formulas) -> None:
    with f.section(COUNT):
        f.count_thing("recent_host", THINGS)
        f.count_thing("recent_resource", OTHER_THINGS)
        f.count_record(f.number("failed"))
    with f.section(MEASURE):
        _measure(f)
    with f.section(NAME):
        _name(f)
    with f.section(LEARN):
        _learn(f)
    with f.section(DOUBT):
        _count_new(f)
        for thing in ("host", "site_host", "agent"):
            f.put_on_probation(thing)
    with f.section(TOLD):
        _count_new(f)
    with f.section(TELL):
        _tell(f)


def new_host(s: Sighting) -> str:
    """Tell of a first request to a host, or of a new kind of request."""
    rate = s.facts["novelty.host"][1]
    return f"{s.device} and {s.peer} exchanged {s.target}, which is new; new hosts come {plain(rate)} a day"


def odd_request(s: Sighting) -> str:
    """Tell of a request of unusual form."""
    length, usual = s.facts["shape.length"]
    form = f"a request of unusual form ({amount(length)}, usual {amount(usual)})"
    return f"{s.device} and {s.peer} exchanged {form}: {s.target}"


def transfer(s: Sighting) -> str:
    """Tell of unusual amounts over http."""
    (sent, usual_sent), (received, usual_received) = s.facts["volume.sent"], s.facts["volume.received"]
    return (
        f"{s.device} and {s.peer}: {amount(sent)} in the request and {amount(received)} in the answer "
        f"of {s.target}; "
        f"usual are {amount(usual_sent)} and {amount(usual_received)}"
    )


def crawl(s: Sighting) -> str:
    """Tell of a burst of requests."""
    count, usual, span, counter = counted_burst(s, "records", "resources", "failures")
    what = {"records": "requests", "resources": "requests for different resources", "failures": "failed requests"}
    took = f"{s.device} took part in {plain(count)} {what[counter]} in {span}"
    return f"{took}, last {s.target} with {s.peer}; usual is {plain(usual)}"


def _subject(target: str, _peer: str) -> str:
    """Return the host of ``GET host/path``."""
    return target.partition(" ")[2].partition("/")[0].lower()


def _domain(target: str) -> str:
    """Return the host without a port."""
    host = _subject(target, "")
    return host.rpartition(":")[0].rstrip(".") if host.rpartition(":")[2].isdecimal() else host.rstrip(".")


HTTP = Kind(
    name="http",
    device_columns=(
        *("new_hosts", "new_agents", "faded_at"),
        *("success", "redirect", "client_error", "server_error", "no_status"),
    ),
    tables={
        "host": Entries(
            ("first", "count", "sent", "sent_variance", "received", "received_variance", "uri", "uri_variance"),
        ),
        "habit": Entries(("first", "count"), a_device=8, adds=2),
        "site": Entries(("first", "devices", "new_hosts"), of_pairs=0.5, adds=2),
        "recent": recent_things(),
    },
    keys={
        "host": "host",
        "agent": "habit",
        "method": "habit",
        "site_host": "site",
        "site": "site",
        "recent_host": "recent",
        "recent_resource": "recent",
    },
    numbers=NUMBERS,
    columns=_columns,
    context=_context,
    views=(
        view_of(CLAUSES, "novelty", weight=0.9, compares=1.0),
        view_of(CLAUSES, "shape", weight=0.7),
        view_of(CLAUSES, "volume", weight=0.6, compares=1.0),
        view_of(CLAUSES, "reach", weight=0.7),
    ),
    formulas=_formulas,
    things=("host", "agent", "recent_resource"),
    recent_thing="recent_host",
    share=0.25,
    behaviours=(
        Behaviour("new-host", "T1071.001", CONTACT, new_host, Likeness(by_name=True), drifts=True),
        Behaviour("odd-request", "T1190", CONTACT, odd_request, drifts=True),
        Behaviour("transfer", "T1048", LOSS, transfer, drifts=True),
        Behaviour("crawl", "T1595", LOSS, crawl),
    ),
    subject=_subject,
    domain=_domain,
)
