"""dns: the shape of the name, what runs under its domain, the device's reach, and newness. The client is the device.

A tunnel has to put its data into names, so bytes and distinct names under one domain grow with what it carries
(Paxson et al., USENIX Security 2013); the shape shows with its first query.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from online_models.features.dns_columns import NOERROR, OTHER_ERROR, dns_columns
from online_models.features.names import are_empty, are_private
from online_models.features.text import device_at
from online_models.guard import DEFAULT_POLICY, THRESHOLD
from online_models.kinds.dns_words import BEHAVIOURS, CLAUSES, name_itself, registered_domain
from online_models.kinds.kind import (
    MOST,
    Entries,
    Kind,
    recent_things,
    view_of,
)
from online_models.measures.excess import FAILURES, OTHER_THINGS, RECORDS, THINGS
from online_models.measures.past import UNUSUAL, USUAL
from online_models.measures.time import SETTLING
from online_models.program.formulas import least, log2, most, where
from online_models.program.machine import Keys
from online_models.program.registers import AFTER, BOUND, COUNT, DOUBT, LEARN, MEANWHILE, MEASURE, NAME, TELL, TOLD

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.records import RecordBatch
    from online_models.kinds.kind import Formulas
    from online_models.program.formulas import Value
    from online_models.program.machine import Columns

DOMAIN_PRIOR = 6.0
"""Decades of 256 KiB in names of one domain, none of them asked for twice."""
LITTLE = 63.0
"""Bytes in names of one domain that are worth no decade."""
CARRIES = 12.0
"""Bytes in an average name from which on the names of a domain may carry data: shorter ones are words."""
MOST_SHAPE = 1.5
"""Decades of the shape of a name that the device asks for again, at the most: a name carries data out only once; or
of a name under a domain that it has known for long and that carries no more than is its habit."""
BEYOND_HABIT = 3.0
"""Doublings beyond twice the habit of a domain that count in full."""
ENOUGH = 24.0
"""Bytes of name from which on its entropy, and queries from which on their freshness, count in full."""
_DOUBLINGS_OF_BYTES = 18.0
"""Of bytes in names of one domain in an hour that count in full: 256 KiB."""
INSTANT = 0.05
"""Seconds in which a name counts once: a round trip within a site, and twenty a second are a flood still."""
_WHOLE_SITE = np.uint64(0x517E)
NUMBERS = (
    *("failed", "result", "no_error", "server_failed", "silent", "private", "outside", "empty"),
    *("bytes", "label", "entropy", "digits", "answer", "instant"),
    *("length_shape", "label_shape", "entropy_shape", "digits_shape", "answer_shape"),
)
_SHAPE = ("length", "label", "entropy", "digits", "answer")
_COUNTERS = ((THINGS, "domains"), (OTHER_THINGS, "names"), (FAILURES, "failures"), (RECORDS, "records"))


def _columns(batch: RecordBatch, ranges: npt.NDArray[np.uint64]) -> Columns:
    read = dns_columns(batch, ranges)
    names, n = read.names, read.ts.size
    site, kind_of_query = np.full(n, _WHOLE_SITE), (read.qtype + 1).astype(np.uint64)
    keys = Keys(read.device)
    domain = keys.own(read.device, names.domain)
    keys.own(read.device, read.resolver)
    keys.plain(names.domain)
    keys.plain(site)
    keys.join(site, kind_of_query)
    keys.own(Keys(read.device).own(read.device, site), kind_of_query)
    under_domain = keys.own(domain, names.domain)
    keys.own(under_domain, names.name)
    enough, empty = np.minimum(1.0, names.sub_length / ENOUGH), are_empty(names)
    numbers = {
        "failed": read.result != NOERROR,
        "result": read.result,
        "no_error": read.result == NOERROR,
        "server_failed": read.result >= OTHER_ERROR,
        "silent": read.to_group | empty,
        "private": are_private(names),
        "outside": read.outside,
        "empty": empty,
        "bytes": names.sub_length,
        "label": names.longest_label,
        "entropy": names.entropy,
        "digits": names.digits,
        "answer": read.answer_length,
        "instant": np.floor(read.end / INSTANT) * INSTANT,
        "length_shape": np.minimum(1.0, np.log2(1.0 + names.sub_length) / 8.0),  # a name has 255 bytes (RFC 1035)
        "label_shape": np.minimum(1.0, names.longest_label / 63.0),  # and a label 63
        "entropy_shape": np.minimum(1.0, names.entropy / 6.0) * enough,  # bits a byte, of base64
        "digits_shape": names.digits * enough,
        "answer_shape": np.minimum(1.0, np.log2(1.0 + read.answer_length) / 11.0),  # 2 KiB
    }
    return keys.with_numbers(read.ts, read.end, [numbers[name] for name in NUMBERS])


def _context(frame: pl.DataFrame, _columns: Columns) -> pl.DataFrame:
    return frame.select(
        device_at(frame, "orig").alias("known_as"),
        pl.col("id.orig_h").fill_null("").alias("device"),
        pl.col("id.resp_h").fill_null("").alias("peer"),
        pl.col("query").fill_null("").alias("target"),
    )


def _says_nothing(f: Formulas) -> Value:
    """Whether there is no name, or one that reaches no stranger: asked of the link, or private.

    A private name says something to a resolver outside that is not known for long; a site's own may have a global
    address.
    """
    at_home = most(~f.number("outside"), f.is_known("resolver"))
    return most(f.number("silent"), f.number("private") * at_home)


def _count(f: Formulas) -> tuple[Value, Value]:
    """Count the record; return whether its name was asked for before, and the bytes that its domain carries more.

    A name counts once in an instant: A and AAAA are asked for together, and a mirror port may show each packet many
    times. A failure counts once an hour for each name, unless it is an outage or the rush after one. That is what fails
    and says nothing, and, under a domain that is known for long, what fails, and a few names that were asked before for
    each lookup under it that had no answer, or an error that is not the name's, in the last hour.
    """
    f.count_thing("recent_domain", THINGS)
    asked_at, instant = f.get("recent_name", "last"), f.number("instant")
    again = f.variable((asked_at >= instant) * (asked_at < instant + INSTANT))
    new_name, asked_before = f.count_thing("recent_name", OTHER_THINGS)
    nothing = _says_nothing(f)
    carried = new_name * ~nothing * f.number("bytes")
    f.add_to_hour("domain", "hour", new_name, ~again, carried)
    f.set("domain", "last", f.now)
    failed, known = f.number("failed"), f.is_known("domain")
    rush = f.variable(0.0)
    with f.when(known * most(asked_before, failed)):
        f.assign(rush, f.is_excused("domain", "failed_at", f.number("server_failed")))
    with f.when(~most(again, most(rush, failed * most(known, nothing)))):
        f.count_record(failed * new_name)
    return asked_before, carried


def _last_hour(f: Formulas, what: str) -> Value:
    return f.last_hour("domain", what, f"{what}_before")


def _size(carried: Value) -> Value:
    return least(1.0, log2(1.0 + carried) / _DOUBLINGS_OF_BYTES)


def _measure(f: Formulas) -> Value:
    """Measure the features; return whether the record says nothing."""
    for name in _SHAPE:
        f.measure(f"shape.{name}", f.number(f"{name}_shape"))
    f.measure("shape.type", f.surprise(f.get("site_type", "count"), f.get("site", "count"), UNUSUAL))
    names, queries = _last_hour(f, "names"), _last_hour(f, "queries")
    f.measure("domain.names", least(1.0, log2(1.0 + names) / 12.0))  # 4,096
    f.measure("domain.bytes", _size(_last_hour(f, "bytes")))
    fresh = least(1.0, names / most(queries, 1.0)) * least(1.0, queries / ENOUGH)
    f.measure("domain.fresh", fresh)
    f.measure_reach(_COUNTERS)
    _measure_novelty(f)
    nothing = _says_nothing(f)
    with f.when(nothing):
        new_resolver = f.variable(f.feature("novelty.resolver") * ~f.number("empty"))
        for feature in CLAUSES:
            if not feature.startswith("reach."):
                f.measure(feature, 0.0)
        f.measure("novelty.resolver", new_resolver)
    return nothing


def _measure_novelty(f: Formulas) -> None:
    """Measure newness: by what came after the first twelve hours, in which all is new."""
    new_domain = f.newness("domain")
    domains, resolvers = (f.rarity_of_new("device", f"new_{t}s", "faded_at", but=t) for t in ("domain", "resolver"))
    f.measure("novelty.domain", new_domain * domains)
    site_rarity = f.rarity_of_new("site", "new_domains", "last", but="site_domain")
    f.measure("novelty.site", f.newness("site_domain") / (1.0 + f.get("site_domain", "count")) * site_rarity)
    f.measure("novelty.resolver", f.newness("resolver") * resolvers)
    records = f.get("device", "count")
    f.measure("novelty.type", f.surprise(f.get("type", "count"), records, UNUSUAL))
    prior = where(f.number("no_error"), USUAL, UNUSUAL)
    results = f.get_nth("device", "no_error", f.number("result"))
    f.measure("novelty.result", new_domain * f.surprise(results, records, prior))


def _expect(f: Formulas) -> None:
    """Count what is carried in ever-new names, and what is new, by what is true of any site."""
    f.expect("domain", DOMAIN_PRIOR * least(f.feature("domain.bytes"), f.feature("domain.fresh")))
    f.expect_novelty()


def _beyond_habit(f: Formulas) -> Value:
    """How far a domain carries more in the last hour than is its habit: 1 is 16 times, 0 is twice.

    It is 1 for a domain that the device has not known for long.
    """
    beyond = f.variable(1.0)
    with f.when(f.is_known("domain")):
        times = (1.0 + _last_hour(f, "bytes")) / (1.0 + f.habit("domain", "learned_hour"))
        f.assign(beyond, least(1.0, most(0.0, (log2(times) - 1.0) / BEYOND_HABIT)))
    return beyond


def _bound(f: Formulas, nothing: Value, asked_before: Value) -> None:
    """Keep the decades of shape and domain below what names of that kind and amount can have carried."""
    beyond = _beyond_habit(f)
    shape = MOST_SHAPE + where(asked_before, 0.0, beyond * MOST)
    f.bound("shape", where(nothing, 0.0, least(f.decades("shape"), shape)))
    bytes_a_name = _last_hour(f, "bytes") / most(1.0, _last_hour(f, "names"))
    carries = least(1.0, bytes_a_name / CARRIES)
    little = math.log2(1.0 + LITTLE) / _DOUBLINGS_OF_BYTES
    much = most(0.0, f.feature("domain.bytes") - little) / (1.0 - little)
    f.bound("domain", where(nothing, 0.0, least(f.decades("domain"), MOST * much * carries * beyond)))


def _name(f: Formulas) -> None:
    """Name what an anomalous record's device is doing, by the view that is strongest.

    Names that carry enough to be an anomaly by themselves are a tunnel, whatever else is new about them.
    """
    decades = {view: weight * f.decades(view) for view, weight in f.weights.items()}
    tunnel, reach, novelty = most(decades["shape"], decades["domain"]), decades["reach"], decades["novelty"]
    failures, records = (
        most(f.feature(f"reach.{name}_minute"), f.feature(f"reach.{name}_hour")) for name in ("failures", "records")
    )
    generated = (failures > 0.0) * (failures >= records)
    burst = where(generated, f.behaviour("generated-names"), f.behaviour("dns-flood"))
    other = where(novelty >= reach, f.behaviour("new-domain"), burst)
    is_tunnel = most(tunnel >= most(reach, novelty), decades["domain"] >= DEFAULT_POLICY[THRESHOLD])
    named = f.variable(where(is_tunnel, f.behaviour("dns-tunnel"), other))
    f.name_behaviour(named)
    f.decide(0.0 - f.is_named(named, "new-domain") * f.is_at_once("recent_domain"))


def _count_new(f: Formulas) -> None:
    """Let what is new count in how often new things come, learned or not, once the first twelve hours are over."""
    f.fade("device", "new_domains", "new_resolvers", faded_at="faded_at")
    counts = f.since("device") >= SETTLING
    f.count_new("device", "new_domains", "domain", counts, noted="counted_at")
    f.count_new("device", "new_resolvers", "resolver", counts)
    f.fade("site", "new_domains", faded_at="last")
    f.count_new("site", "new_domains", "site_domain", f.since("site") >= SETTLING)


def _learn(f: Formulas) -> None:
    f.bump_nth("device", "no_error", f.number("result"))
    _count_new(f)
    new_domain = f.touch("domain")
    f.touch("resolver")
    f.touch("type")
    f.bump("type", "count")
    for whole in ("site", "site_type"):
        f.touch(whole)
        f.bump(whole, "count")
    new_to_site = f.touch("site_domain")
    f.bump("site_domain", "count", most(new_to_site, new_domain))


def _tell(f: Formulas) -> None:
    for name, number in zip(_SHAPE, ("bytes", "label", "entropy", "digits", "answer"), strict=True):
        f.tell(f"shape.{name}", f.number(number))
    f.tell("shape.type", 1.0, f.get("site_type", "count") / most(1.0, f.get("site", "count")))
    names = _last_hour(f, "names")
    f.tell("domain.names", names, 1.0)
    f.tell("domain.bytes", _last_hour(f, "bytes"))
    f.tell("domain.fresh", least(1.0, names / most(1.0, _last_hour(f, "queries"))))
    f.tell_reach(_COUNTERS)
    known_for, records = f.since("device"), most(1.0, f.get("device", "count"))
    for thing in ("domain", "resolver"):
        f.tell(f"novelty.{thing}", 1.0, f.rate_a_day(f.faded("device", f"new_{thing}s", "faded_at"), known_for))
    at_site = f.rate_a_day(f.faded("site", "new_domains", "last"), f.since("site")) * f.found("site")
    f.tell("novelty.site", f.get("site_domain", "count"), at_site)
    f.tell("novelty.type", 1.0, f.get("type", "count") / records)
    f.tell("novelty.result", 1.0, f.get_nth("device", "no_error", f.number("result")) / records)


def _formulas(f: Formulas) -> None:
    with f.section(COUNT):
        asked_before, carried = _count(f)
    with f.section(MEASURE):
        nothing = _measure(f)
        _expect(f)
    with f.section(BOUND):
        _bound(f, nothing, asked_before)
    with f.section(NAME):
        _name(f)
    with f.section(LEARN):
        _learn(f)
    with f.section(AFTER):
        f.learn_habit("domain", "learned_hour", carried)
    with f.section(DOUBT):
        _count_new(f)
        for thing in ("domain", "site_domain", "resolver"):
            f.put_on_probation(thing)
    with f.section(TOLD):
        _count_new(f)
    with f.section(MEANWHILE), f.when(f.number("no_error")):
        _count_new(f)  # that it came often is true of domains that there are; generated ones mostly are none
    with f.section(TELL):
        _tell(f)


DNS = Kind(
    name="dns",
    device_columns=("new_domains", "new_resolvers", "faded_at", "no_error", "no_such_name", "other_error", "no_answer"),
    tables={
        "domain": Entries(
            (
                *(
                    "first",
                    "counted_at",
                    "hour",
                    "names",
                    "queries",
                    "bytes",
                    "names_before",
                    "queries_before",
                    "bytes_before",
                ),
                *("failed_at", "excused", "learned_hour", "learned_bytes", "most_lately", "most_bytes"),
            ),
        ),
        "resolver": Entries(("first", "count"), a_device=8, adds=2),
        "site": Entries(("first", "count", "new_domains"), of_pairs=0.5, adds=3),
        "recent": recent_things(of_pairs=1.0),
    },
    keys={
        "domain": "domain",
        "resolver": "resolver",
        "site_domain": "site",
        "site": "site",
        "site_type": "site",
        "type": "resolver",
        "recent_domain": "recent",
        "recent_name": "recent",
    },
    numbers=NUMBERS,
    columns=_columns,
    context=_context,
    views=(
        view_of(CLAUSES, "shape", weight=0.8),
        view_of(CLAUSES, "domain", weight=1.0),
        view_of(CLAUSES, "reach", weight=0.7),
        view_of(CLAUSES, "novelty", weight=0.8, compares=1.0),
    ),
    formulas=_formulas,
    things=("domain", "resolver", "recent_name"),
    recent_thing="recent_domain",
    behaviours=BEHAVIOURS,
    share=0.25,
    subject=registered_domain,
    domain=name_itself,
    is_passed_on=True,
)
