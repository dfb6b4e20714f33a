"""A small site whose devices keep their rhythms, and what an infected one does: input for the models, made anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from ingest.records import SCHEMAS, RecordBatch
from online_models.compile import kernel
from online_models.engine import Engine
from online_models.features.text import local_ranges
from online_models.kinds import KINDS
from online_models.program import loop
from online_models.program.machine import FEATURES_AT, Columns, Machine, Outcome, new_outcome, with_room
from online_models.program.registers import AFTER, DEVICE_WIDTH, MEASURE, NUMBERS
from online_models.views import new_views

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from online_models.features.table import Table
    from online_models.types import Alert, ScoredBatch

START = 1_767_600_000.0
HOUR, DAY = 3600.0, 86_400.0
VICTIM, NEIGHBOUR = "192.168.7.11", "192.168.7.12"
RESOLVER, BROKER = "192.168.7.1", "192.168.7.2"
Floats = npt.NDArray[np.float64]
Frames = dict[str, pl.DataFrame]


def frame_of(kind: str, columns: Mapping[str, Any]) -> pl.DataFrame:
    """Return rows with some columns set; all others are null."""
    rows = len(next(iter(columns.values())))
    filled = {name: columns.get(name, [None] * rows) for name in SCHEMAS[kind]}
    return pl.DataFrame(filled, schema=dict(SCHEMAS[kind]), strict=False)


def flows(ts: Floats, device: str, peers: Sequence[str], port: int, **more: Any) -> pl.DataFrame:
    """Return conn rows of one device; by default short answered TCP exchanges."""
    n = len(ts)
    usual = {
        "proto": ["tcp"] * n,
        "duration": np.full(n, 0.2),
        "orig_bytes": np.full(n, 600),
        "resp_bytes": np.full(n, 1800),
        "conn_state": ["SF"] * n,
    }
    columns = {**_ends("C", ts, device, peers, port), **usual, **more}
    return frame_of("conn", columns)


def lookups(ts: Floats, device: str, names: Sequence[str], **more: Any) -> pl.DataFrame:
    """Return dns rows of one device; by default address queries with an answer."""
    n = len(ts)
    usual = {"proto": ["udp"] * n, "query": names, "rtt": np.full(n, 0.02), "qtype": [1] * n, "rcode": [0] * n}
    answers = {"answers": [["198.51.100.7"]] * n}
    return frame_of("dns", {**_ends("D", ts, device, [RESOLVER] * n, 53), **usual, **answers, **more})


def requests(ts: Floats, device: str, hosts: Sequence[str], uris: Sequence[str], **more: Any) -> pl.DataFrame:
    """Return http rows of one device; by default small successful GET requests."""
    n = len(ts)
    usual = {
        "method": ["GET"] * n,
        "host": hosts,
        "uri": uris,
        "user_agent": ["device/1.0"] * n,
        "status_code": [200] * n,
        "request_body_len": [0] * n,
        "response_body_len": [350] * n,
    }
    return frame_of("http", {**_ends("H", ts, device, ["203.0.113.200"] * n, 80), **usual, **more})


def handshakes(ts: Floats, device: str, names: Sequence[str | None], **more: Any) -> pl.DataFrame:
    """Return ssl rows of one device; by default of one cloud with an ordinary certificate and one greeting."""
    n = len(ts)
    usual = {
        "server_name": names,
        "version": ["TLSv12"] * n,
        "cipher": ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"] * n,
        "established": [True] * n,
        "cert_chain_fps": [["leaf", "authority"]] * n,
        "validation_status": ["ok"] * n,
        "ja4": ["t12d1209h2"] * n,
    }
    return frame_of("ssl", {**_ends("T", ts, device, ["203.0.113.200"] * n, 443), **usual, **more})


def messages(log: str, ts: Floats, device: str, **more: Any) -> pl.DataFrame:
    """Return rows of a log of MQTT of one device at the site's broker; by default ordinary ones of that device."""
    n = len(ts)
    usual = {
        "mqtt_connect": {"client_id": [f"client {device}"] * n, "connect_status": ["Connection Accepted"] * n},
        "mqtt_publish": {
            "topic": [f"home/{device}/state"] * n,
            "from_client": [True] * n,
            "payload_len": [20 + k % 7 for k in range(n)],
        },
        "mqtt_subscribe": {"topics": [[f"home/{device}/set"]] * n, "action": ["MQTT::SUBSCRIBE"] * n},
    }[log]
    return frame_of(log, {**_ends("M", ts, device, [BROKER] * n, 1883), **usual, **more})


def _ends(letter: str, ts: Floats, device: str, peers: Sequence[str], port: int) -> dict[str, Any]:
    n = len(ts)
    return {
        "ts": ts,
        "uid": [f"{letter}{device}:{port}:{t:.6f}" for t in ts],
        "id.orig_h": [device] * n,
        "id.orig_p": [40_000 + i % 20_000 for i in range(n)],
        "id.resp_h": peers,
        "id.resp_p": [port] * n,
    }


def in_order(kind: str, parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return rows in the order in which Zeek writes them: at the end of a connection or with the answer."""
    lasted = {"conn": "duration", "dns": "rtt"}.get(kind)
    end = pl.col("ts") + (pl.col(lasted).fill_null(0.0) if lasted else 0.0)
    return pl.concat(list(parts)).sort(end, maintain_order=True)


@dataclass(frozen=True, slots=True)
class Site:
    """Some devices with habits of their own, drawn by a seed, from `begin` on (epoch seconds) for `hours`.

    Each calls its own cloud host over TLS every minute or so and a time server of a pool every quarter of an hour,
    looks both up, and asks its cloud for something over http every five minutes. It greets another server of the cloud
    and publishes its state as often, and connects to the broker and subscribes every quarter of an hour.
    """

    devices: int = 6
    hours: float = 6.0
    seed: int = 1
    begin: float = START

    def frames(self) -> Frames:
        """Return one frame a kind."""
        every = range(self.devices)
        return {
            "conn": in_order("conn", [part for d in every for part in (self._tls(d), self._ntp(d))]),
            "dns": in_order("dns", [part for d in every for part in (self._cloud_names(d), self._ntp_names(d))]),
            "http": in_order("http", [self._http(d) for d in every]),
            "ssl": in_order("ssl", [self._ssl(d) for d in every]),
            "mqtt_connect": in_order("mqtt_connect", [self._mqtt("mqtt_connect", d, 900.0) for d in every]),
            "mqtt_publish": in_order("mqtt_publish", [self._mqtt("mqtt_publish", d, 300.0) for d in every]),
            "mqtt_subscribe": in_order("mqtt_subscribe", [self._mqtt("mqtt_subscribe", d, 900.0) for d in every]),
        }

    def _times(self, name: str, device: int, period: float) -> tuple[Floats, np.random.Generator]:
        rng = np.random.default_rng([self.seed, device, *name.encode()])
        gaps = rng.normal(period, period / 20.0, int(self.hours * HOUR / period) + 10).clip(period / 2.0)
        times = np.round(self.begin + rng.uniform(0.0, period) + np.cumsum(gaps), 6)
        return times[times < self.begin + self.hours * HOUR], rng

    def _tls(self, device: int) -> pl.DataFrame:
        ts, rng = self._times("tls", device, 60.0)
        sizes = {name: rng.lognormal(7.0, 0.3, ts.size).astype(np.int64) for name in ("orig_bytes", "resp_bytes")}
        lasted = np.round(rng.lognormal(-1.0, 0.4, ts.size), 6)
        return flows(ts, _address(device), [f"203.0.113.{device + 1}"] * ts.size, 443, duration=lasted, **sizes)

    def _ntp(self, device: int) -> pl.DataFrame:
        ts, rng = self._times("ntp", device, 900.0)
        peers = [f"198.51.100.{k}" for k in rng.integers(1, 5, ts.size)]
        return flows(ts, _address(device), peers, 123, proto=["udp"] * ts.size, duration=np.full(ts.size, 0.03))

    def _cloud_names(self, device: int) -> pl.DataFrame:
        ts, _ = self._times("cloud names", device, 300.0)
        return lookups(ts, _address(device), [f"api{device}.cloud.example"] * ts.size)

    def _ntp_names(self, device: int) -> pl.DataFrame:
        ts, _ = self._times("ntp", device, 900.0)
        return lookups(ts, _address(device), ["pool.ntp.example"] * ts.size)

    def _http(self, device: int) -> pl.DataFrame:
        ts, rng = self._times("http", device, 300.0)
        uris = [f"/v1/status?id={device}&n={n}" for n in rng.integers(10, 99, ts.size)]
        return requests(ts, _address(device), [f"api{device}.cloud.example"] * ts.size, uris)

    def _ssl(self, device: int) -> pl.DataFrame:
        ts, _ = self._times("ssl", device, 300.0)
        return handshakes(ts, _address(device), [f"api{device}.cloud.example"] * ts.size)

    def _mqtt(self, log: str, device: int, period: float) -> pl.DataFrame:
        ts, _ = self._times(log, device, period)
        return messages(log, ts, _address(device))


def _address(device: int) -> str:
    return f"192.168.7.{10 + device}"


def _steadily(begin: float, count: int, every: float) -> Floats:
    return np.linspace(begin, begin + every * (count - 1), count)


def scan(begin: float, probes: int = 240, device: str = VICTIM, per_second: float = 4.0, seed: int = 5) -> pl.DataFrame:
    """Return telnet probes of one device at random hosts that do not answer."""
    rng = np.random.default_rng(seed)
    peers = [".".join(map(str, rng.integers(20, 99, 4))) for _ in range(probes)]
    nothing = {name: np.zeros(probes) for name in ("duration", "orig_bytes", "resp_bytes")}
    return flows(_steadily(begin, probes, 1.0 / per_second), device, peers, 23, conn_state=["S0"] * probes, **nothing)


def beacon(begin: float, calls: int = 10, device: str = VICTIM, every: float = 20.0) -> pl.DataFrame:
    """Return calls of one device at a host and a port that it never used."""
    return flows(_steadily(begin, calls, every), device, ["45.66.77.88"] * calls, 4444)


def tunnel(begin: float, names: int = 120, device: str = VICTIM, seed: int = 5) -> pl.DataFrame:
    """Return lookups of one device that carry data in their names."""
    rng = np.random.default_rng(seed)
    data = ["".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz234567"), 50)) for _ in range(names)]
    return lookups(
        _steadily(begin, names, 0.5),
        device,
        [f"{text}.t.zorvex.example" for text in data],
        qtype=[16] * names,
        answers=[["TXT 40 " + text[:40]] for text in data],
    )


def run(engine: Engine, frames: Frames) -> dict[str, ScoredBatch]:
    """Process one batch of each kind."""
    return {kind: engine.process(RecordBatch(kind, frame)) for kind, frame in frames.items()}


def alerts_in(scored: Iterable[ScoredBatch]) -> dict[str, Alert]:
    """Return the latest state of every alert, by identifier."""
    return {alert.id: alert for batch in scored for alert in batch.alerts}


@kernel
def _count_and_measure(machine: Machine, columns: Columns) -> None:
    loop.take_up(machine, columns, 0)
    begin = loop.entry_of(machine, 0)
    device = machine.rows[begin : begin + machine.widths[0]]
    loop.count(machine, device, columns.end[0])
    loop.execute(machine, device, MEASURE)


@kernel
def _learn(machine: Machine) -> None:
    begin = loop.entry_of(machine, 0)
    device = machine.rows[begin : begin + machine.widths[0]]
    loop.learn(machine, device)
    loop.execute(machine, device, AFTER)


class Driven:
    """The tables and views of one kind, driven as the engine drives them, with the record in hand to look at."""

    def __init__(self, name: str, max_devices: int = 1000, max_pairs: int = 10_000) -> None:
        self.kind = KINDS[name]
        self.machine = self.kind.new_machine(max_devices, max_pairs)
        self.views = new_views(self.kind.views, 1)
        self.keys = ["device", *self.kind.keys]

    def run(self, frame: pl.DataFrame, *, trusted: bool = False) -> Outcome:
        """Go through a frame."""
        columns, at = self.columns(frame), 0
        outcome = new_outcome(frame.height, len(self.kind.clauses))
        while at < frame.height:
            at = loop.run(self.machine, self.views, columns, at, trusted, outcome)
            self.machine = with_room(self.machine)
        return outcome

    def columns(self, frame: pl.DataFrame) -> Columns:
        """Return the loop's arrays of a frame."""
        return self.kind.columns(RecordBatch(self.kind.name, frame), local_ranges())

    def measure(self, frame: pl.DataFrame) -> dict[str, float]:
        """Count the one record of a frame, and return its features; it stays in hand."""
        self.machine = with_room(self.machine)
        _count_and_measure(self.machine, self.columns(frame))
        return self.features()

    def learn(self) -> None:
        """Learn the record in hand."""
        _learn(self.machine)

    def features(self) -> dict[str, float]:
        """Return the features of the record in hand."""
        first = int(self.machine.layout[FEATURES_AT])
        measured = self.machine.registers[first : first + len(self.kind.clauses)]
        return dict(zip(self.kind.clauses, measured.tolist(), strict=True))

    def number(self, name: str) -> float:
        """Return a number of the record in hand."""
        return float(self.machine.registers[NUMBERS + self.kind.numbers.index(name)])

    def table(self, name: str) -> Table:
        """Return one of the tables."""
        return self.machine.tables[self.kind.table_names.index(name)]

    def row(self, key: str) -> Floats:
        """Return the entry of a key of the record in hand; zeros if there is none."""
        k = self.keys.index(key)
        begin, width = self.machine.entries[k], self.machine.widths[self.machine.table_of[k]]
        return self.machine.rows[begin : begin + width] if begin >= 0 else np.zeros(int(width))

    def get(self, key: str, column: str, nth: int = 0) -> float:
        """Return what the entry of a key holds in a column, or in the n-th after it."""
        if key == "device":
            known = {"last": 0, "first": 1, "count": 2}
            at = known.get(
                column, DEVICE_WIDTH + (self.kind.device_columns.index(column) if column not in known else 0)
            )
        else:
            at = ("last", *self.kind.tables[self.kind.keys[key]].columns).index(column)
        return float(self.row(key)[at + nth])


class Traffic:
    """Everything above under one name, since tests are not a package that could import it."""

    START, HOUR, DAY, VICTIM, NEIGHBOUR, RESOLVER = START, HOUR, DAY, VICTIM, NEIGHBOUR, RESOLVER
    Site, Driven = Site, Driven
    frame_of = staticmethod(frame_of)
    flows = staticmethod(flows)
    lookups = staticmethod(lookups)
    requests = staticmethod(requests)
    handshakes = staticmethod(handshakes)
    messages = staticmethod(messages)
    in_order = staticmethod(in_order)
    scan = staticmethod(scan)
    beacon = staticmethod(beacon)
    tunnel = staticmethod(tunnel)
    run = staticmethod(run)
    alerts_in = staticmethod(alerts_in)


@pytest.fixture(scope="session")
def learned_day() -> bytes:
    """Return the models after an ordinary day of six devices."""
    engine = Engine()
    run(engine, Site(hours=24.0).frames())
    return engine.to_bytes()


@pytest.fixture(scope="session")
def traffic() -> Traffic:
    """Return what makes traffic."""
    return Traffic()
