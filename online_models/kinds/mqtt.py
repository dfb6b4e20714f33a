"""mqtt: who connects, what is published, and what is subscribed to, at which broker.

Zeek writes three logs of MQTT, and reads of them come in any order; so each has a model of its own, of this one
declaration. The device is the client, or the broker if it is local and the client is not. What a record names is a
client's identifier, a topic (with its direction), or the filters of a subscription.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from online_models.behaviours import (
    ATTACK,
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
from online_models.features.text import GLOBAL, ends_of, hashes, owned
from online_models.kinds.contexts import context_of_ends
from online_models.kinds.kind import (
    LEAST,
    MATTERS,
    MOST,
    RARITY_COUNTS,
    Entries,
    Kind,
    recent_things,
    view_of,
)
from online_models.measures.excess import FAILURES, OTHER_THINGS, RECORDS, THINGS
from online_models.measures.past import FAR
from online_models.measures.time import SETTLING
from online_models.program.formulas import exp2, least, most, where
from online_models.program.machine import Keys
from online_models.program.registers import BOUND, COUNT, DOUBT, LEARN, MEASURE, NAME, TELL, TOLD

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.records import RecordBatch
    from online_models.kinds.kind import Formulas
    from online_models.program.formulas import Value
    from online_models.program.machine import Columns

_WORDS = {"mqtt_connect": "client identifier", "mqtt_publish": "topic", "mqtt_subscribe": "filter"}
_SPECIAL = {
    "mqtt_connect": {
        "access.refused": "{o} refused connects in the last hour; up to {u} are usual in one{since}",
    },
    "mqtt_publish": {
        "command.foreign": "a topic that it never published to, and {o} other devices of the site do",
        "volume.payload": "a message of {ob}; {ub} are usual on this topic",
    },
    "mqtt_subscribe": {
        "breadth.all": "a new subscription to everything, or to what the broker tells of itself",
    },
}
MISTAKES, REFUSED = 2.0, 3.0
"""Refused connects in an hour, beyond what is usual for the device, that are a typing mistake; and how many more are
guessing."""
SEVERAL = 2.0
"""Topics that differ in whose they are only, from which on a device is one that speaks to several by habit."""
_ACCEPTED = "Connection Accepted"
_BROAD = r"^(\$share/[^/]+/)?((\+/)*[#+]|\$SYS(/.*)?)$"
"""Filters that leave no topic of their level out, and those of the broker's own state (MQTT 5.0, 4.7 and 4.8)."""
_MIDDLE = "/.*/"
"""What topics of one purpose differ in: between the first and the last level stands whose they are."""
_SITE, _BROKER = np.uint64(0x517E), np.uint64(0xB20CE2)
_NEW = {"name": "new_names", "broker": "new_brokers"}
_NUMBERS = ("failed", "news", "broad", "sent", "log_payload", "payload")
_COUNTERS = ((THINGS, "names"), (OTHER_THINGS, "brokers"), (RECORDS, "records"))
"""Refused connects have a feature of their own; the other logs tell of no failures."""


def _clauses(log: str) -> dict[str, str]:
    word = _WORDS[log]
    return {
        "novelty.name": f"a {word} that is new to it; it shows {{u}} new ones a day",
        "novelty.site": f"a {word} that {{o}} devices of the site have; the site meets {{u}} new ones a day",
        "novelty.broker": "a broker that is new to it; it meets {u} new ones a day",
        **_SPECIAL[log],
        **reach_clauses(f"names: {word}s", "brokers: brokers", "records: messages"),
    }


def _read(frame: pl.DataFrame) -> pl.DataFrame:
    """Return what a record names, with the message's type, and the numbers that can be told of its log."""
    no = pl.lit(value=False)
    if "client_id" in frame.columns:
        failed = (pl.col("connect_status") != _ACCEPTED).fill_null(value=False)
        named, payload, told = "CONNECT", pl.lit(0), pl.col("client_id")
        kind, broad, news = pl.lit(named), no, pl.col("client_id").fill_null("") != ""
    elif "topics" in frame.columns:
        is_leaving = pl.col("action").str.contains("UNSUBSCRIBE").fill_null(value=False)
        kind = pl.when(is_leaving).then(pl.lit("UNSUBSCRIBE")).otherwise(pl.lit("SUBSCRIBE"))
        broad = pl.col("topics").list.eval(pl.element().str.contains(_BROAD)).list.any().fill_null(value=False)
        failed, payload, told, news = no, pl.lit(0), pl.col("topics").list.join(", ", ignore_nulls=True), ~is_leaving
        broad &= ~is_leaving
    else:
        is_sent = pl.col("from_client").fill_null(value=True)
        kind = pl.when(is_sent).then(pl.lit("PUBLISH")).otherwise(pl.lit("DELIVER"))
        failed, broad, payload = no, no, pl.col("payload_len").fill_null(0).clip(0)
        # what is delivered is news of who published it, and of who subscribed to it
        told, news = pl.col("topic"), pl.col("topic").is_not_null() & is_sent
    return frame.select(
        pl.format("{} {}", kind, told.fill_null("")).alias("name"),
        pl.format("{} like {}", kind, told.fill_null("").str.replace(_MIDDLE, "/+/")).alias("family"),
        failed.alias("failed"),
        news.alias("news"),
        broad.alias("broad"),
        (kind == "PUBLISH").alias("sent"),
        payload.cast(pl.Float64).alias("payload"),
    )


def _columns(batch: RecordBatch, ranges: npt.NDArray[np.uint64]) -> Columns:
    frame, read = batch.frame, _read(batch.frame)
    client, server = ends_of(frame, "orig", ranges), ends_of(frame, "resp", ranges)
    inbound = (client.scope == GLOBAL) & (server.scope != GLOBAL)
    device, peer = np.where(inbound, server.key, client.key), np.where(inbound, client.key, server.key)
    named, keys, n = hashes(read["name"]), Keys(device), len(batch)
    own_name = keys.own(device, named)
    own_broker = keys.own(Keys(device).own(device, np.full(n, _BROKER)), peer)
    keys.own(device, hashes(read["family"]))
    keys.plain(named)
    keys.plain(np.full(n, _SITE))
    keys.own(own_name, named)
    keys.own(own_broker, peer)
    numbers = {name: owned(read[name].to_numpy()) for name in ("failed", "news", "broad", "sent", "payload")}
    numbers["log_payload"] = np.log2(1.0 + numbers["payload"])
    ts = owned(frame["ts"].fill_null(0.0).to_numpy())
    return keys.with_numbers(ts, ts, [numbers[name] for name in _NUMBERS], inbound)


def _context(frame: pl.DataFrame, columns: Columns) -> pl.DataFrame:
    return context_of_ends(frame, columns.turned, pl.lit(_read(frame)["name"]))


def _measure(f: Formulas, log: str) -> Value:
    """Measure the features; return the one that is no ordinary device's."""
    news = f.number("news")
    for thing, new in _NEW.items():
        new_to_it = f.newness(thing) * f.rarity_of_new("device", new, "faded_at", thing)
        f.measure(f"novelty.{thing}", new_to_it * news if thing == "name" else new_to_it)
    at_site = f.newness("site_name") / (1.0 + f.get("site_name", "devices")) * news
    f.measure("novelty.site", at_site * f.rarity_of_new("site", "new_names", "last", "site_name"))
    f.measure_reach(_COUNTERS)
    f.expect_novelty()
    if log == "mqtt_connect":
        refused = most(0.0, f.observed(1, FAILURES) - f.usual(1, FAILURES) - MISTAKES) * f.number("failed")
        special = f.measure("access.refused", least(1.0, refused / REFUSED))
    elif log == "mqtt_publish":
        larger = f.deviation("name", "payload", f.number("log_payload"), f.get("name", "count"))
        f.measure("volume.payload", least(1.0, most(0.0, larger) / FAR))
        others = f.is_known("site_name") / most(1.0, f.get("site_name", "devices"))
        # who commands several devices by habit, as an app does, will meet another; how rarely it does is what counts
        is_foreign = where(f.get("family", "count") >= SEVERAL, f.feature("novelty.name"), f.newness("name"))
        special = f.measure("command.foreign", is_foreign * f.number("sent") * others)
    else:
        special = f.measure("breadth.all", f.number("broad") * f.newness("name"))
    return special


def _another(f: Formulas, log: str) -> Value:
    """How far a device behaves as another: by a client that nobody knows, or at a broker and about what nobody knows.

    One connect of another client is all that a thief of credentials shows. Topics come and go with what a device is
    for, but hardly any device changes its broker with them; and a site has too few of either for ranks to tell.
    """
    another = least(1.0, RARITY_COUNTS * f.feature("novelty.name")) * f.newness("site_name")
    return another if log == "mqtt_connect" else another * least(1.0, RARITY_COUNTS * f.feature("novelty.broker"))


def _past(f: Formulas) -> Value:
    """How far one may know what is ordinary: of the device, or of the site, for a client that only ever listened."""
    return most(f.maturity, f.past("site"))


def _name(f: Formulas, special: Value, told: tuple[Behaviour, ...]) -> None:
    """Name what the device is doing: what no ordinary one does, a burst, or something new."""
    new, odd, flood, *larger = (f.behaviour(behaviour.name) for behaviour in told)
    novelty, reach = (f.weights[view] * f.decades(view) for view in ("novelty", "reach"))
    named = where(reach > novelty, flood, new)
    if larger:
        named = where(f.weights["volume"] * f.decades("volume") > most(novelty, reach), larger[0], named)
    f.name_behaviour(where(special >= MATTERS, odd, named))


def _count_new(f: Formulas) -> None:
    """Let what is new count in how often new things come, learned or not, once the first twelve hours are over."""
    settled = f.since("device") >= SETTLING
    f.fade("device", *_NEW.values(), faded_at="faded_at")
    f.count_new("device", "new_names", "name", settled * f.number("news"))
    f.count_new("device", "new_brokers", "broker", settled)
    f.fade("site", "new_names", faded_at="last")
    f.count_new("site", "new_names", "site_name", f.number("news") * (f.since("site") >= SETTLING))


def _learn(f: Formulas, log: str) -> None:
    _count_new(f)
    new_name = f.touch("name")
    f.touch("broker")
    if log == "mqtt_publish":
        f.touch("family")
        f.bump("family", "count", new_name * f.number("sent"))
        f.learn_moments("name", "payload", f.number("log_payload"), f.get("name", "count"))
        f.bump("name", "count")
    f.touch("site")
    new_to_site = f.touch("site_name")
    f.bump("site_name", "devices", most(new_to_site, new_name))


def _tell(f: Formulas, log: str) -> None:
    for thing, new in _NEW.items():
        f.tell(f"novelty.{thing}", 1.0, f.rate_a_day(f.faded("device", new, "faded_at"), f.since("device")))
    at_site = f.rate_a_day(f.faded("site", "new_names", "last"), f.since("site")) * f.found("site")
    f.tell("novelty.site", f.get("site_name", "devices"), at_site)
    if log == "mqtt_connect":
        f.tell("access.refused", f.observed(1, FAILURES), f.usual(1, FAILURES))
    elif log == "mqtt_publish":
        f.tell("command.foreign", f.get("site_name", "devices"))
        f.tell("volume.payload", f.number("payload"), exp2(f.get("name", "payload")) - 1.0)
    else:
        f.tell("breadth.all", f.number("broad"))
    f.tell_reach(_COUNTERS)


def new_name(s: Sighting) -> str:
    """Tell of what a client shows for the first time."""
    rate = plain(s.facts["novelty.name"][1])
    return f"{s.device} and the broker {s.peer}: {s.target}, which is new; such new ones come {rate} a day"


def guessing(s: Sighting) -> str:
    """Tell of refused connects."""
    count, usual = s.facts["access.refused"]
    refused = f"the broker {s.peer} refused {s.device} {plain(count)} times in an hour"
    return f"{refused}, last {s.target}; usual is {plain(usual)}"


def foreign(s: Sighting) -> str:
    """Tell of a topic that belongs to others."""
    topic = s.target.partition(" ")[2]
    others = plain(s.facts["command.foreign"][0])
    return f"{s.device} published to {topic} at the broker {s.peer} for the first time; {others} other devices do so"


def eavesdropping(s: Sighting) -> str:
    """Tell of a subscription to everything."""
    topics = s.target.partition(" ")[2]
    return f"{s.device} subscribed to {topics} at the broker {s.peer}: it hears what all others say"


def flood(s: Sighting) -> str:
    """Tell of many messages."""
    count, usual, span, counter = counted_burst(s, "records", "names", "brokers")
    what = {"records": "messages", "names": "MQTT names"}.get(counter, counter)
    return f"{s.device} had {plain(count)} {what} in {span}, last {s.target} at {s.peer}; usual is {plain(usual)}"


def transfer(s: Sighting) -> str:
    """Tell of a message of another size."""
    size, usual = s.facts["volume.payload"]
    return f"{s.device} and the broker {s.peer}: {amount(size)} in {s.target}; usual are {amount(usual)}"


def _kind(log: str, new: str, odd: Behaviour, *more: Behaviour) -> Kind:
    """Return the kind of one of the logs: what is new there, and what no ordinary device does."""
    clauses = _clauses(log)
    told = (
        Behaviour(new, "T1071.005", CONTACT, new_name, Likeness(by_name=True), drifts=True),
        odd,
        Behaviour(f"{log.replace('_', '-')}-flood", "T1499", LOSS, flood),
        *more,
    )

    def formulas(f: Formulas) -> None:
        with f.section(COUNT):
            f.count_thing("recent_name", THINGS)
            f.count_thing("recent_broker", OTHER_THINGS)
            f.count_record(f.number("failed"))
        with f.section(MEASURE):
            special = _measure(f, log)
        with f.section(BOUND):
            view, past = next(iter(_SPECIAL[log])).partition(".")[0], 1.0 if log == "mqtt_connect" else _past(f)
            # a site has too few connects and subscriptions for ranks to tell what no ordinary device does
            f.bound(view, most(least(f.decades(view), MOST * special), LEAST * special * past))
            # hardly any device changes its broker and what it is for at once, and a site has too few to rank it
            f.bound("novelty", most(f.decades("novelty"), LEAST * _another(f, log) * f.maturity))
        with f.section(NAME):
            _name(f, special, told)
            another = 0.0 if log == "mqtt_connect" else _another(f, log)
            # another client's one connect, or one subscription to everything, is all that a thief shows
            f.decide(most(special, another) >= MATTERS)
        with f.section(LEARN):
            _learn(f, log)
        with f.section(DOUBT):
            _count_new(f)
            for thing in ("name", "site_name", "broker"):
                f.put_on_probation(thing)
        with f.section(TOLD):
            _count_new(f)
        with f.section(TELL):
            _tell(f, log)

    return Kind(
        name=log,
        device_columns=(*_NEW.values(), "faded_at"),
        tables={
            "name": Entries(("first", "count", "payload", "payload_variance"), adds=2),
            "broker": Entries(("first",), a_device=8),
            "site": Entries(("first", "devices", "new_names"), of_pairs=0.5, adds=2),
            "recent": recent_things(),
        },
        keys={
            "name": "name",
            "broker": "broker",
            "family": "name",
            "site_name": "site",
            "site": "site",
            **dict.fromkeys(("recent_name", "recent_broker"), "recent"),
        },
        numbers=_NUMBERS,
        columns=_columns,
        context=_context,
        views=(
            # what a decade of each counts, as other kinds declare it: news, what no device does, and bursts
            view_of(clauses, "novelty", weight=0.9, compares=1.0, forest=(25, 6)),
            *(
                # see above
                view_of(clauses, view, weight=0.8, compares=float(view != "access"), forest=(25, 6))
                for view in dict.fromkeys(name.partition(".")[0] for name in _SPECIAL[log])
            ),
            view_of(clauses, "reach", weight=0.7, forest=(25, 6)),  # see above
        ),
        formulas=formulas,
        things=("name", "broker", "recent_broker"),
        recent_thing="recent_name",
        behaviours=told,
        share=0.1,  # of the site's alert budget
    )


MQTT = (
    _kind("mqtt_connect", "new-mqtt-client", Behaviour("mqtt-guessing", "T1110", ATTACK, guessing, Likeness((1,)))),
    _kind(
        "mqtt_publish",
        "new-mqtt-topic",
        Behaviour("mqtt-command", "T1565.002", ATTACK, foreign, Likeness((0,), ("new-mqtt-topic",), by_name=True)),
        Behaviour("mqtt-transfer", "T1048", LOSS, transfer, drifts=True),
    ),
    _kind(
        "mqtt_subscribe",
        "new-mqtt-filter",
        Behaviour(
            "mqtt-eavesdropping", "T1213", ATTACK, eavesdropping, Likeness((0,), ("new-mqtt-filter",), by_name=True)
        ),
    ),
)
