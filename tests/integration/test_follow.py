"""The service on growing logs: good lines are scored, bad ones are counted, and nothing stops it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.integration.conftest import Server, Zeek

    Serve = Callable[..., AbstractContextManager[Server]]


def test_lines_that_are_appended_are_scored_and_streamed(serve: Serve, zeek: type[Zeek]) -> None:
    with serve() as server, server.socket("/ws/scores") as scores, server.socket("/ws/scores?min_score=1") as few:
        assert json.loads(scores.recv(60))["type"] == json.loads(few.recv(60))["type"] == "hello"
        server.append("conn.log", *(zeek.line(zeek.conn(n)) for n in range(50)))
        server.append("dns.log", *(zeek.line(zeek.dns(n)) for n in range(5)))
        got: dict[str, list[str]] = {"conn": [], "dns": []}
        last = 0
        while sum(map(len, got.values())) < 55:
            message = json.loads(scores.recv(60))
            assert message["type"] == "scores"
            assert message["seq"] > last
            last = message["seq"]
            got[message["log"]] += [row["uid"] for row in message["scores"]]
        assert got["conn"] == [zeek.conn(n)["uid"] for n in range(50)]
        assert got["dns"] == [zeek.dns(n)["uid"] for n in range(5)]
        with pytest.raises(TimeoutError):
            few.recv(0.2)


def test_a_half_written_line_waits_for_its_rest(serve: Serve, zeek: type[Zeek]) -> None:
    line = zeek.line(zeek.conn(1))
    with serve() as server:
        server.append("conn.log", zeek.line(zeek.conn(0)))
        with (server.logs / "conn.log").open("a") as file:
            file.write(line[:30])
            file.flush()
            server.until(lambda: server.scored() == 1)
            assert server.health()["stages"]["source"]["malformed"] == 0
            file.write(line[30:] + "\n")
        server.until(lambda: server.scored() == 2)
        assert server.health()["stages"]["source"]["malformed"] == 0


def test_bad_lines_are_counted_and_the_good_ones_next_to_them_are_scored(serve: Serve, zeek: type[Zeek]) -> None:
    with serve() as server:
        server.append("conn.log", zeek.line(zeek.conn(0)), '{"ts": 1, "uid": "C', zeek.line(zeek.conn(1)))
        server.append("conn.log", "x" * 10_000_000, zeek.line(zeek.conn(2)))
        server.until(lambda: server.scored() == 3)
        source = server.until(
            lambda: stage if (stage := server.health()["stages"]["source"])["malformed"] == 2 else None
        )
        assert len(source["malformed_samples"]) == 2
        assert all("conn.log, offset" in sample for sample in source["malformed_samples"])


def test_a_binary_file_named_conn_log_is_told_and_harms_nothing(serve: Serve, zeek: type[Zeek]) -> None:
    with serve() as server:
        (server.logs / "conn.log").write_bytes(bytes(range(256)) * 4096)
        server.append("dns.log", zeek.line(zeek.dns(0)))
        server.until(lambda: server.scored() == 1)
        server.until(lambda: server.health()["stages"]["source"]["malformed"] > 0)
        assert server.http.post("/traffic/analyze", json={"traffic": []}).status_code == 200


def test_a_silent_sensor_is_told(serve: Serve) -> None:
    with serve(TrafficAnalyzerConfig='{"stale_after_min": 0.001}') as server:
        health = server.until(lambda: h if (h := server.health())["status"] == "degraded" else None)
        assert "no new record" in health["reasons"][0]
