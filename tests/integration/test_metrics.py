"""`/metrics` and `/health` tell the same of a real service: lag, counts, evictions, trouble with the sensor."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.integration.conftest import Server, Zeek

    Serve = Callable[..., AbstractContextManager[Server]]

HOSTILE = 'x"} 1\nnslabs_status{status="ready'
SMALL = '{"max_devices": 16}'
DEVICES = 60

Samples = dict[tuple[str, tuple[str, ...]], float]


def scraped(server: Server) -> Samples:
    """Return every sample by its name and the values of its labels."""
    answer = server.http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    families = parser.text_string_to_metric_families(answer.text)
    return {(s.name, tuple(s.labels.values())): s.value for family in families for s in family.samples}


@pytest.fixture(scope="module")
def busy(serving_at: Callable[..., AbstractContextManager[Server]], zeek: type[Zeek]) -> Iterator[Server]:
    """Return a service that has read records of many devices, bad lines, and a log kind with a hostile name."""
    with serving_at(MachineLearningModelConfig=SMALL) as server:
        hosts = [zeek.conn(n, **{"id.orig_h": f"192.168.1.{n + 1}"}) for n in range(DEVICES)]
        server.append(
            "conn.log", *map(zeek.line, hosts), '{"ts": 1, "uid": "C', zeek.line(zeek.conn(99, **{"id.orig_h": "x"}))
        )
        server.append("dns.log", zeek.line(zeek.dns(1)), json.dumps({"_path": HOSTILE, "ts": 1.0}))
        server.until(lambda: server.scored() == DEVICES + 1 and server.health()["stages"]["source"]["malformed"] == 2)
        yield server


def test_numbers_are_those_of_health(busy: Server) -> None:
    found, stages = scraped(busy), busy.health()["stages"]
    source, models = stages["source"], stages["models"]
    assert {labels[0]: value for (name, labels), value in found.items() if name == "nslabs_records_total"} == {
        "conn": DEVICES, "dns": 1
    }  # fmt: skip
    assert source["records"] == {"conn": DEVICES, "dns": 1}
    assert source["malformed_by_cause"] == {"not_json": 1, "address": 1}
    assert (
        found["nslabs_malformed_lines_total", ("not_json",)] == found["nslabs_malformed_lines_total", ("address",)] == 1
    )
    assert found["nslabs_malformed_lines_total", ("damaged",)] == 0
    assert found["nslabs_scored_records_total", ()] == models["records"] == DEVICES + 1
    assert found["nslabs_last_scored_timestamp_seconds", ()] == 1767600000.0 + DEVICES - 1
    for name in ("lag_bytes", "lag_records"):
        assert found[f"nslabs_source_{name}", ()] == source[name] == 0
    assert found["nslabs_source_lag_seconds", ()] == source["lag_s"] == 0
    assert found["nslabs_alerts_total", ("raised",)] == stages["store"]["raised"]
    assert found["nslabs_subscribers", ("alerts",)] == 1  # the terminal
    assert found["nslabs_scored_delay_seconds_count", ()] == DEVICES + 1
    assert found["nslabs_scored_delay_seconds_sum", ()] > 0
    raised = {labels: value for (name, labels), value in found.items() if name == "nslabs_raised_alerts_total"}
    assert {label for labels in raised for label in labels} >= {"low", "medium", "high", "critical", "scan"}
    assert sum(raised.values()) == stages["store"]["raised"]


def test_a_service_that_runs_is_ready(busy: Server) -> None:
    assert (busy.http.get("/readyz").status_code, busy.http.get("/readyz").json()) == (200, {"status": "ready"})


def test_what_was_evicted_is_counted(busy: Server) -> None:
    found, evicted = scraped(busy), busy.health()["stages"]["models"]["evicted"]
    assert evicted["conn.device"] > DEVICES - 16 - 8
    assert found["nslabs_evicted_entries_total", ("conn", "device")] == evicted["conn.device"]
    assert found["nslabs_evicted_entries_total", ("dns", "device")] == 0
    assert found["nslabs_evicted_entries_total", ("identity", "addresses")] == 0


def test_what_a_log_says_stays_data(busy: Server) -> None:
    found = scraped(busy)
    assert found["nslabs_skipped_lines_total", (HOSTILE,)] == 1
    assert [name for name, _ in found].count("nslabs_status") == 4
    assert sum(value for (name, _), value in found.items() if name == "nslabs_status") == 1
    assert not any("192.168" in label for _, labels in found for label in labels)


def test_openmetrics_is_answered_to_who_asks_for_it(busy: Server) -> None:
    answer = busy.http.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    families: list[Any] = list(openmetrics.text_string_to_metric_families(answer.text))
    counters = {family.name for family in families if family.type == "counter"}
    assert {"nslabs_records", "nslabs_malformed_lines", "nslabs_evicted_entries"} <= counters
    assert all(family.documentation for family in families)


def test_a_service_without_records_tells_no_times(serve: Serve) -> None:
    with serve() as server:
        found = scraped(server)
        assert ("nslabs_last_scored_timestamp_seconds", ()) not in found
        assert found["nslabs_source_files", ()] == 0


def test_a_sensor_in_trouble_is_told(serve: Serve, zeek: type[Zeek]) -> None:
    """Packets that it lost, and a clock that is hours off; the metrics say that something is wrong."""
    loss = {"ts": time.time(), "ts_delta": 900.0, "peer": "zeek", "gaps": 5, "acks": 40, "percent_lost": 12.5}
    with serve() as server:
        (empty,) = server.health()["reasons"]
        assert "no log found in" in empty
        server.append("capture_loss.log", zeek.line(loss))
        (lossy,) = server.until(lambda: r if (r := server.health()["reasons"]) not in ([], [empty]) else None)
        assert "loses packets: 12.5 %" in lossy

        def off() -> dict[str, Any] | None:
            server.append("conn.log", zeek.line(zeek.conn(0, ts=time.time() - 5 * 3600, duration=1.0)))
            health: dict[str, Any] = server.health()
            return health if len(health["reasons"]) == 2 else None

        health = server.until(off)
        assert health["status"] == "degraded"
        assert health["reasons"] == health["stages"]["source"]["problems"]
        assert "loses packets: 12.5 %" in health["reasons"][0]
        assert "the times in conn are 5.0 h behind" in health["reasons"][1]
        found = scraped(server)
        assert (found["nslabs_source_problems", ()], found["nslabs_status", ("degraded",)]) == (2, 1)


@pytest.mark.slow
def test_lag_is_told_while_the_reader_is_behind(serve: Serve, attacked: list[str]) -> None:
    with serve() as server:
        server.append("conn.log", *attacked * 10)
        behind = server.until(lambda: f if (f := scraped(server))["nslabs_source_lag_bytes", ()] > 0 else None)
        assert behind["nslabs_source_lag_records", ()] > 0
        assert behind["nslabs_source_lag_seconds", ()] >= 0
        server.until(lambda: scraped(server)["nslabs_source_lag_bytes", ()] == 0)
