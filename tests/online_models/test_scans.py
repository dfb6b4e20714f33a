"""A scan is told by how many addresses of which network it tried, on which services, and how many answered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.records import RecordBatch
from online_models.alerts.extent import Extent, extent_of_state, numbers
from online_models.behaviours import Scan
from online_models.engine import Engine
from online_models.kinds.conn_words import of_scan

if TYPE_CHECKING:
    import polars as pl
    from conftest import Traffic

    from online_models.types import Alert


def filled(addresses: list[str], services: int = 1, answered: int = 0) -> Extent:
    extent = Extent()
    keys = np.random.default_rng(1).integers(0, 1 << 63, len(addresses) + services, np.uint64)
    extent.add(keys[np.arange(len(addresses)) % services], keys[services:], numbers(addresses), answered)
    return extent


def some(count: int, prefix: str = "10.0") -> list[str]:
    return [f"{prefix}.{k * 157 % 256}.{k // 7 % 256}" for k in range(count)]


@pytest.mark.parametrize("count", [1, 3, 60, 511])
def test_few_are_counted_exactly(count: int) -> None:
    extent = filled(some(count), services=min(count, 4))
    assert (extent.peers.count(), extent.peers.is_exact) == (count, True)
    assert extent.services.count() == min(count, 4)


@pytest.mark.parametrize("count", [1600, 20_000, 300_000])
def test_many_are_counted_nearly_in_bounded_memory(count: int) -> None:
    extent = Extent()
    keys = np.random.default_rng(count).integers(0, 1 << 63, count, np.uint64)
    for begin in range(0, count, 5000):
        part = keys[begin : begin + 5000]
        service, address = np.full(len(part), 7, np.uint64), numbers(["10.1.2.3"] * len(part))
        extent.add(service, part, address, 0)
        extent.add(service, part, address, 0)
    assert extent.peers.count() == pytest.approx(count, rel=0.15)
    assert not extent.peers.is_exact
    assert len(extent.peers.keys) == 512


@pytest.mark.parametrize(
    ("addresses", "network"),
    [
        (some(300), "10.0.0.0/16"),
        ([f"192.168.1.{k}" for k in range(2, 255)], "192.168.1.0/24"),
        ([*(f"192.168.1.{k}" for k in range(2, 255)), "8.8.8.8"], "192.168.1.0/24"),
        ([f"{k}.{k}.1.1" for k in range(11, 200)], ""),
        (["2001:db8::1", "2001:db8::2"], ""),
        (["192.168.1.7"], "192.168.1.7/32"),
        ([], ""),
    ],
)
def test_the_network_has_nearly_all_of_them(addresses: list[str], network: str) -> None:
    assert filled(addresses).network() == network


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(0, 900), max_size=6), shift=st.integers(0, 900))
def test_order_cuts_and_restarts_mean_nothing(cuts: list[int], shift: int) -> None:
    keys = np.random.default_rng(3).integers(0, 1 << 63, 900, np.uint64)
    rows = np.arange(900, dtype=np.uint64) % 5, keys, numbers(some(900))
    whole, cut = Extent(), Extent()
    whole.add(*rows, answered=9)
    turned = [np.roll(column, -shift) for column in rows]
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), 900], strict=True):
        cut.add(*(column[begin:end] for column in turned), answered=0)
        cut = extent_of_state(cut.state())
    cut.answered = 9
    assert cut.state() == whole.state()


@pytest.mark.parametrize(
    ("scan", "sentence"),
    [
        (
            Scan(
                "10.0.0.5", "10.0.3.4", False, (1600, False), (2, True), "10.0.0.0/16", ["tcp/23", "tcp/2323"], 125.0, 3
            ),
            "10.0.0.5 scanned about 1,600 addresses of 10.0.0.0/16 on tcp/23 and tcp/2323 in 2.1 min; 3 answered",
        ),
        (
            Scan("10.0.0.5", "1.2.3.4", False, (61, True), (1, True), "", ["tcp/22"], 40.0, 0),
            "10.0.0.5 scanned 61 addresses on tcp/22 in 40 s; none answered",
        ),
        (
            Scan("10.0.0.5", "10.0.0.9", False, (1, True), (480, True), "10.0.0.9/32", ["tcp/1", "tcp/2"], 60.0, 2),
            "10.0.0.5 tried 10.0.0.9 on 480 services in 60 s; 2 answered",
        ),
        (
            Scan("10.0.0.5", "9.9.9.9", True, (1, True), (3, True), "", ["tcp/1", "tcp/2", "udp/3"], 7200.0, 0),
            "9.9.9.9 tried 10.0.0.5 on tcp/1, tcp/2 and udp/3 in 2 h; none answered",
        ),
        (
            Scan("10.0.0.5", "9.9.9.9", True, (40, True), (1, True), "", ["tcp/22"], 9.0, 1),
            "40 hosts outside tried 10.0.0.5 on tcp/22 in 9 s; 1 answered",
        ),
        (
            Scan("10.0.0.5", "10.0.0.9", False, (60, True), (1, True), "10.0.0.0/24", ["icmp/0"], 30.0, 0),
            "10.0.0.5 scanned 60 addresses of 10.0.0.0/24 by ICMP in 30 s; none answered",
        ),
    ],
)
def test_sentences(scan: Scan, sentence: str) -> None:
    assert of_scan(scan) == sentence


def scan_of(traffic: Traffic, count: int) -> pl.DataFrame:
    times = traffic.START + traffic.DAY + 0.1 * np.arange(float(count))
    peers = [f"10.0.{k // 250}.{k % 250 + 1}" for k in range(count)]
    return traffic.flows(times, traffic.VICTIM, peers, 23, conn_state=["S0"] * (count - 1) + ["SF"])


def told(engine: Engine, frame: pl.DataFrame) -> Alert | None:
    alerts = [a for a in engine.process(RecordBatch("conn", frame)).alerts if a.behaviour == "scan"]
    return alerts[-1] if alerts else None


def test_the_alert_goes_on_with_the_scan_over_a_restart(learned_day: bytes, traffic: Traffic) -> None:
    frame = scan_of(traffic, 400)
    whole = told(Engine.from_bytes(learned_day), frame)
    engine = Engine.from_bytes(learned_day)
    first = told(engine, frame[:200])
    again = told(Engine.from_bytes(engine.to_bytes()), frame[200:])
    assert whole is not None
    assert first is not None
    assert again is not None
    assert again.sentence == whole.sentence != first.sentence
    assert first.id == whole.id
    assert "addresses of 10.0.0.0/2" in whole.sentence
    found = re.search(r"scanned (\d+) addresses of \S+ on tcp/23 in (\d+) s; 1 answered$", whole.sentence)
    assert found, whole.sentence
    assert 380 <= int(found[1]) <= 400
    assert 38 <= int(found[2]) <= 40
