"""Requests that would stop a service: each ends as it should, memory stays bounded, and live records are scored."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.integration.conftest import Server, Zeek

    Serve = Callable[..., AbstractContextManager[Server]]

MIB = 1 << 20
CONSTANT = 96 * MIB  # what threads, spools and the answer itself may take, however small the body
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def server(serving_at: Serve) -> Iterator[Server]:
    """Return a service whose limits are those of the defaults, but for the size of bodies."""
    with serving_at(SocketIOConfig=json.dumps({"max_body_mb": 8})) as running:
        yield running


def memory(server: Server) -> int:
    """Return the bytes that the process has in memory."""
    return int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def bounded(server: Server, zeek: type[Zeek], size: int) -> Iterator[None]:
    """Check that a body of this size costs at most four times that, and that a live record is scored afterwards."""
    before = memory(server)
    yield
    scored = server.scored()
    server.append("conn.log", zeek.line(zeek.conn(next(NUMBERS))))
    server.until(lambda: server.scored() > scored)
    assert memory(server) - before < 4 * size + CONSTANT
    assert not [reason for reason in server.health()["reasons"] if "blocked" in reason]


def finished(server: Server, job: str) -> dict[str, Any]:
    """Wait for a training job."""
    path = f"/machinelearning/jobs/{job}"
    server.until(lambda: server.http.get(path).json()["finished_at"])
    status: dict[str, Any] = server.http.get(path).json()
    return status


def test_a_packed_nothing_is_refused(server: Server, zeek: type[Zeek]) -> None:
    packed = gzip.compress(b"\n" * (40 * MIB))
    with bounded(server, zeek, len(packed)):
        answer = server.http.post("/machinelearning/train", files={"file": ("conn.log.gz", packed)})
    assert (answer.status_code, answer.json()["code"]) == (413, "unpacked_too_large")


def test_a_log_of_blank_lines_holds_up_nothing(server: Server, zeek: type[Zeek]) -> None:
    body = b"\n" * (8 * MIB)
    with bounded(server, zeek, len(body)):
        answer = server.http.post("/machinelearning/train", files={"file": ("conn.log", body)})
        assert answer.status_code == 202
        scored = server.scored()
        server.append("conn.log", zeek.line(zeek.conn(next(NUMBERS))))
        server.until(lambda: server.scored() > scored)
        assert server.http.post("/machinelearning/predict", json={"traffic": [zeek.conn(1)]}).status_code == 200
    assert finished(server, answer.json()["id"])["error"].startswith("no record could be used")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/machinelearning/train", 413, "too_many_records"), ("/traffic/analyze", 413, "too_many_records")],
)
def test_a_body_of_empty_objects_is_counted_before_it_is_built(
    server: Server, zeek: type[Zeek], path: str, status: int, code: str
) -> None:
    body = b'{"traffic":[' + b",".join([b"{}"] * (2 * MIB)) + b"]}"
    with bounded(server, zeek, len(body)):
        answer = server.http.post(path, content=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_rejected_records_of_finished_jobs_are_kept_as_a_sample(server: Server, zeek: type[Zeek]) -> None:
    body = b'{"dataset":[' + b",".join([b"{}"] * 100_000) + b"]}"
    with bounded(server, zeek, len(body)):
        for _ in range(3):
            answer = server.http.post("/machinelearning/train", content=body)
            assert answer.status_code == 202, answer.text
            job = finished(server, answer.json()["id"])
            assert (job["state"], job["rejected"], len(job["rejections"])) == ("failed", 100_000, 100)


def test_a_long_comment_is_cut_off(server: Server, zeek: type[Zeek]) -> None:
    body = b'{"verdict": "attack", "comment": "' + b"x" * (4 * MIB) + b'"}'
    headers = {"content-type": "application/json"}
    with bounded(server, zeek, len(body)):
        answer = server.http.post("/alerts/none/feedback", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_very_many_attacks_are_refused(server: Server, zeek: type[Zeek]) -> None:
    attacks = b"\n".join(b"C%d" % n for n in range(600_000))
    files = {"file": ("conn.log", zeek.line(zeek.conn(1)).encode()), "attacks": ("attacks", attacks)}
    with bounded(server, zeek, len(attacks)):
        answer = server.http.post("/machinelearning/train", files=files)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_attacks")


def test_a_hangup_ends_nothing(server: Server) -> None:
    server.process.send_signal(signal.SIGHUP)
    assert server.health()["stages"]["models"]["state"] == "running"
    assert server.process.poll() is None


def test_a_request_that_stops_half_way_is_closed(server: Server) -> None:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as half:
        half.sendall(b"GET /health HTTP/1.1\r\nHost: ")
        half.settimeout(60)
        assert half.recv(100).startswith(b"HTTP/1.1 408 ")
        assert half.recv(100) == b""


LAUNCHER = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
sys.argv = ["nslabs", *sys.argv[1:]]
runpy.run_module("api", run_name="__main__")
"""


def test_half_sent_requests_leave_descriptors_for_others_and_a_lost_state_is_told(
    tmp_path: Path, project: Path, zeek: type[Zeek]
) -> None:
    from tests.integration.conftest import running  # noqa: PLC0415 - one shared loader of it is enough

    logs, state = tmp_path / "logs", tmp_path / "state"
    logs.mkdir()
    arguments = ("run", "--logs", logs, "--state", state, "--listen", "127.0.0.1:0")
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, *map(str, arguments)],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with running(process, logs) as server:
        host, port = server.url.removeprefix("http://").split(":")
        held = [socket.create_connection((host, int(port))) for _ in range(200)]
        for half in held:
            half.sendall(b"POST /traffic/analyze HTTP/1.1\r\n")
        assert server.health()["status"] == "ready"
        server.append("conn.log", zeek.line(zeek.conn(1)))
        server.until(lambda: server.scored() == 1)
        for half in held:
            half.close()
        (state / "alerts.sqlite3").unlink()
        answer = server.http.get("/alerts")
        assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
        server.until(lambda: server.health()["stages"]["store"]["state"] == "degraded")
        status, errors = server.stop()
        assert (status, errors.count("Traceback")) == (0, 0), errors[-2000:]
