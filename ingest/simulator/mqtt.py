"""MQTT in the clear: what clients say on their connections to a broker, in the cloud or at home."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.simulator import tcp
from ingest.simulator.draws import combine, integers, lane, lognormal, uniform
from ingest.simulator.outcomes import CLOSED, REJECTED
from ingest.simulator.rhythm import DAY
from ingest.simulator.tables import HEAD_FIELDS, MQTT_CONNECT, MQTT_PUBLISH, MQTT_SUBSCRIBE, SERVICES, Traffic
from ingest.simulator.topics import ACCEPTED, BAD_PASSWORD, CHANGING, CLIENTS, FILTERS, TOPICS, place

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.simulator.draws import Floats, Ints, Keys
    from ingest.simulator.habits import Act
    from ingest.simulator.rhythm import Events
    from ingest.simulator.site import Site
    from ingest.simulator.tables import Rows

RESTART_S: Final = 3 * DAY
"""Seconds between two starts of the broker at home."""
_AWAY_S: Final = 6.0
"""How long it is away then."""


@dataclass(frozen=True, slots=True)
class MqttMessage:
    """One topic on a client's connections: seconds between messages, bytes of payload, and which way they go.

    ``about`` names the device class whose devices the topic is about, each in turn; empty means the client itself.
    """

    topic: str
    every: float
    size: int
    sent: bool = True
    retain: bool = False
    qos: int = 0
    about: str = ""


@dataclass(frozen=True, slots=True)
class MqttClient:
    """What a client does on a connection: its name, what it subscribes to, and what is said."""

    name: str
    filters: tuple[str, ...] = ()
    messages: tuple[MqttMessage, ...] = ()


def broker_of(site: Site) -> int | None:
    """Return the device that is the broker at home: the first hub."""
    hubs = site.of_class("hub")
    return int(hubs[0]) if len(hubs) else None


def spoken(site: Site, flows: Rows, client: MqttClient) -> Traffic:
    """Return what MQTT's logs say of finished connections, where payload went through; the flows are not in it."""
    heard = flows[flows["service"] == SERVICES.index("mqtt")]
    told = [_published(site, heard, message) for message in client.messages]
    return Traffic.of(
        mqtt_connect=_connects(heard, client.name, ACCEPTED),
        mqtt_subscribe=_joined([_subscribed(heard, name, n) for n, name in enumerate(client.filters)], MQTT_SUBSCRIBE),
        mqtt_publish=_joined(told, MQTT_PUBLISH),
    )


def at_home(client: MqttClient, share: tuple[float, float] = (0.9, 1.0)) -> Act:
    """Hold a connection to the broker at home for a share of the habit's period, anew if it is started anew."""

    def act(site: Site, events: Events) -> Traffic:
        broker = broker_of(site)
        if broker is None:
            return Traffic.of()
        mine = events.where(events.device != broker)
        lasts = mine.period * (share[0] + (share[1] - share[0]) * uniform(mine.key, "lasts"))
        restart = _next_restart(site, mine.time)
        is_cut = restart < mine.time + lasts
        first = _session(site, mine, np.where(is_cut, restart - mine.time, lasts), client, broker)
        cut = mine.where(is_cut)
        at, left = restart[is_cut], (mine.time + lasts - restart)[is_cut]
        tried = cut.at(at + 0.1 + uniform(cut.key, "tried"), "tried")
        back = cut.at(at + _AWAY_S + 40.0 * uniform(cut.key, "back"), "back")
        return Traffic.join(
            [first, _refused(site, tried, broker), _session(site, back, left.clip(60.0), client, broker)]
        )

    return act


def guess(site: Site, events: Events) -> Traffic:
    """Try passwords at the broker at home."""
    broker = broker_of(site)
    if broker is None:
        return Traffic.of()
    flows = tcp.begin(site, events, "guess", site.first + broker, 1883)
    size = np.full(len(events), 1.0)
    tcp.finish(flows, "mqtt", tcp.Payload(66.0 * size, 4.0 * size, 0.05 * size), np.full(len(events), CLOSED))
    return Traffic.of(flows, mqtt_connect=_connects(flows, "guest", BAD_PASSWORD))


def _session(site: Site, events: Events, lasts: Floats, client: MqttClient, broker: int) -> Traffic:
    flows = tcp.begin(site, events, f"mqtt {client.name}", site.first + broker, 1883)
    said = sum(lasts / message.every for message in client.messages) if client.messages else 0.0 * lasts
    payload = tcp.Payload(90 + 140 * np.floor(said), 60 + 20 * np.floor(said), lasts, np.floor(lasts / 60.0) + 4)
    tcp.finish(flows, "mqtt", payload, np.full(len(events), CLOSED))
    return Traffic.join([Traffic.of(flows), spoken(site, flows, client)])


def _refused(site: Site, events: Events, broker: int) -> Traffic:
    """Return calls while the broker is away: its host answers that nobody listens there."""
    flows = tcp.begin(site, events, "refused", site.first + broker, 1883)
    nothing = np.zeros(len(events))
    return Traffic.of(tcp.finish(flows, "", tcp.Payload(nothing, nothing, nothing), np.full(len(events), REJECTED)))


def _next_restart(site: Site, time: Floats) -> Floats:
    phase = float(uniform(combine("broker restart", site.seed), "phase")[0]) * RESTART_S
    return np.asarray((np.floor((time - phase) / RESTART_S) + 1.0) * RESTART_S + phase, dtype=np.float64)


def _rows(flows: Rows, dtype: npt.DTypeLike, ts: Floats) -> Rows:
    """Return rows on connections at these times; Zeek writes them at once."""
    rows = np.zeros(len(flows), dtype)
    for field in HEAD_FIELDS:
        rows[field] = flows[field]
    rows["ts"] = rows["written"] = np.round(ts, 6)
    return rows


def _joined(parts: list[Rows], dtype: npt.DTypeLike) -> Rows:
    return np.concatenate([np.empty(0, dtype), *parts])


def _connects(flows: Rows, client: str, status: int) -> Rows:
    rows = _rows(flows, MQTT_CONNECT, flows["ts"] + 0.004 + 0.01 * uniform(flows["key"], "connect"))
    rows["client"], rows["about"], rows["status"] = place(CLIENTS, client), flows["device"], status
    if client in CHANGING:
        rows["start"] = integers(flows["key"], "start", 1, 1 << 32)
    return rows


def _subscribed(flows: Rows, filters: str, nth: int) -> Rows:
    rows = _rows(flows, MQTT_SUBSCRIBE, flows["ts"] + 0.03 + 0.01 * nth + 0.01 * uniform(flows["key"], "subscribe"))
    rows["filters"], rows["about"] = place(FILTERS, filters), flows["device"]
    return rows


def _published(site: Site, flows: Rows, message: MqttMessage) -> Rows:
    """Return the messages of one topic, evenly spread over each connection but for some lateness."""
    about = site.of_class(message.about) if message.about else None
    lasts = np.nan_to_num(flows["duration"])
    count = np.floor(lasts / message.every + uniform(flows["key"], f"count {message.topic}")).astype(np.int64)
    row, nth = _each(count if about is None or len(about) else np.zeros_like(count))
    key = combine(f"message {message.topic}", flows["key"][row], nth)
    part = (nth + 0.9 * uniform(key, "late")) / np.maximum(count[row], 1)
    ts = flows["ts"][row] + 0.1 + part * np.maximum(lasts[row] - 0.2, 0.0)
    rows = _rows(flows[row], MQTT_PUBLISH, ts)
    rows["topic"], rows["from_client"], rows["retain"] = place(TOPICS, message.topic), message.sent, message.retain
    rows["qos"], rows["payload_len"] = message.qos, _sizes(key, message.size)
    rows["about"] = flows["device"][row] if about is None else _chosen(about, key)
    return rows


def _sizes(key: Keys, size: int) -> Ints:
    """Draw sizes: a word keeps its length, a report of numbers differs by some digits."""
    return np.asarray(lognormal(key, "size", float(size), 0.02 if size > 30 else 0.0), dtype=np.int64)


def _chosen(about: Ints, key: Keys) -> Ints:
    return np.asarray(about[(lane(key, "about") % np.uint64(len(about))).astype(np.int64)])


def _each(count: Ints) -> tuple[Ints, Ints]:
    """Return row number and place for each of so many messages a row."""
    row = np.repeat(np.arange(len(count)), count)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
