"""Requests that would stop a service: each ends as it should, memory stays bounded, and live records are scored."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager, suppress
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
HANDSHAKE = (
    b"GET /ws/scores HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


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


def connected(server: Server, sent: bytes) -> socket.socket:
    """Return a bare connection on which this was sent."""
    host, port = server.url.removeprefix("http://").split(":")
    raw = socket.create_connection((host, int(port)), timeout=60)
    raw.sendall(sent)
    return raw


@contextmanager
def readers(server: Server, number: int) -> Iterator[list[int]]:
    """Have so many readers of scores, all of which read; yield how many bytes each has got so far."""
    got = [0] * number
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            for key, _ in selector.select(0.1):
                piece = key.fileobj.recv(1 << 16)  # type: ignore[union-attr] # a socket
                got[key.data] += len(piece)
                if not piece:
                    selector.unregister(key.fileobj)

    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        for n in range(number):
            selector.register(stack.enter_context(connected(server, HANDSHAKE)), selectors.EVENT_READ, n)
        thread = threading.Thread(target=read)
        thread.start()
        try:
            server.until(lambda: server.health()["stages"]["stream"]["score_subscribers"] >= number)
            yield got
        finally:
            ended.set()
            thread.join()


def test_a_live_line_is_scored_while_a_hundred_read_the_scores_and_some_of_them_do_not(
    server: Server, zeek: type[Zeek]
) -> None:
    with ExitStack() as deaf, bounded(server, zeek, 0), readers(server, 100) as got:
        for _ in range(5):
            deaf.enter_context(connected(server, HANDSHAKE))
        scored, greeted = server.scored(), sum(got)
        server.append("conn.log", *(zeek.line(zeek.conn(next(NUMBERS))) for _ in range(5_000)))
        server.until(lambda: server.scored() == scored + 5_000)
        server.until(lambda: min(got) > 1_000)
        assert sum(got) > greeted
    server.until(lambda: server.health()["stages"]["stream"]["score_subscribers"] == 0)


def test_a_client_that_never_reads_its_answers_costs_a_bounded_memory(server: Server, zeek: type[Zeek]) -> None:
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2_000
    with bounded(server, zeek, len(asked)), ExitStack() as deaf:
        for _ in range(10):
            host, port = server.url.removeprefix("http://").split(":")
            raw = deaf.enter_context(socket.create_connection((host, int(port)), timeout=60))
            raw.setblocking(False)
            with suppress(BlockingIOError):
                raw.sendall(asked)
        scored = server.scored()
        server.append("conn.log", zeek.line(zeek.conn(next(NUMBERS))))
        server.until(lambda: server.scored() > scored)


def test_an_endless_message_of_a_reader_costs_nothing(server: Server, zeek: type[Zeek]) -> None:
    frame = b"\x81\xff" + (15 * MIB).to_bytes(8, "big") + b"mask" + b"x" * MIB
    with bounded(server, zeek, 0), ExitStack() as open_ones:
        for _ in range(40):
            raw = open_ones.enter_context(connected(server, HANDSHAKE))
            with suppress(BrokenPipeError, ConnectionResetError):
                raw.sendall(frame)
        scored = server.scored()
        server.append("conn.log", zeek.line(zeek.conn(next(NUMBERS))))
        server.until(lambda: server.scored() > scored)


@pytest.mark.slow
def test_a_request_that_stops_half_way_is_closed(server: Server) -> None:
    with connected(server, b"GET /health HTTP/1.1\r\nHost: ") as half:
        assert half.recv(100).startswith(b"HTTP/1.1 408 ")
        assert half.recv(100) == b""


@contextmanager
def started(folder: Path, project: Path, *program: object) -> Iterator[Server]:
    """Run the service below this folder, started by another program."""
    from tests.integration.conftest import running  # noqa: PLC0415 - one shared loader of it is enough

    (folder / "logs").mkdir(exist_ok=True)
    arguments = ("run", "--logs", folder / "logs", "--state", folder / "disk" / "state", "--listen", "127.0.0.1:0")
    command = [*map(str, (*program, *arguments))]
    process = subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with running(process, folder / "logs") as server:
        yield server


LAUNCHER = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
sys.argv = ["nslabs", *sys.argv[1:]]
runpy.run_module("api", run_name="__main__")
"""


@pytest.mark.slow
def test_half_sent_requests_leave_descriptors_for_others_and_a_lost_store_is_told(
    tmp_path: Path, project: Path, zeek: type[Zeek]
) -> None:
    with started(tmp_path, project, sys.executable, "-c", LAUNCHER) as server:
        held = [connected(server, b"POST /traffic/analyze HTTP/1.1\r\n") for _ in range(200)]
        assert server.health()["stages"]["models"]["state"] == "running"
        server.append("conn.log", zeek.line(zeek.conn(1)))
        server.until(lambda: server.scored() == 1)
        for half in held:
            half.close()
        (tmp_path / "disk" / "state" / "alerts.sqlite3").unlink()
        answer = server.http.get("/alerts")
        assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
        server.until(lambda: server.health()["stages"]["store"]["state"] == "degraded")
        status, errors = server.stop()
        assert (status, errors.count("Traceback")) == (0, 0), errors[-2000:]


@pytest.fixture(scope="module")
def small_disk() -> list[str]:
    """Return what runs a program with a disk of 6 MiB of its own on the folder that comes first."""
    unshare = shutil.which("unshare")
    mount = ["-Urm", "sh", "-c", 'mount -t tmpfs -o size=6m none "$0" && exec "$@"']
    if (
        unshare is None
        or subprocess.run([unshare, *mount, "/mnt", "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("needs unshare(1) and namespaces that the user may make")
    return [unshare, *mount]


@pytest.mark.slow
def test_a_full_disk_and_a_state_that_is_gone_are_told_and_the_scoring_goes_on(
    tmp_path: Path, project: Path, zeek: type[Zeek], small_disk: list[str]
) -> None:
    (tmp_path / "disk").mkdir()
    with started(tmp_path, project, *small_disk, tmp_path / "disk", sys.executable, "-m", "api") as server:
        seen = Path(f"/proc/{server.process.pid}/root{tmp_path}/disk/state")
        with bounded(server, zeek, 8 * MIB):
            files = {"file": ("conn.log", b"x" * 8 * MIB)}
            answer = server.http.post("/machinelearning/train", files=files)
            assert (answer.status_code, answer.json()["code"]) == (507, "disk_full"), answer.text
        assert not list((seen / "uploads").iterdir())
        shutil.rmtree(seen)
        with bounded(server, zeek, MIB):
            answer = server.http.get("/alerts")
            assert (answer.status_code, answer.json()["code"]) == (503, "store_unavailable")
            server.until(lambda: server.health()["stages"]["store"]["state"] == "degraded")
            assert server.health()["status"] == "degraded"
        status, errors = server.stop()
        assert errors.count("Traceback") == 0, errors[-2000:]
        assert status in {0, 1}


@pytest.mark.slow
def test_sigterm_ends_it_while_a_job_runs_readers_read_and_stand_still_and_lines_come(
    serve: Serve, zeek: type[Zeek]
) -> None:
    with serve(SocketIOConfig=json.dumps({"max_body_mb": 8})) as server, readers(server, 40) as got:
        deaf = [connected(server, HANDSHAKE) for _ in range(5)]
        half = connected(
            server, b"POST /machinelearning/train HTTP/1.1\r\nHost: localhost\r\ncontent-length: 9\r\n\r\n{"
        )
        server.append("conn.log", *(zeek.line(zeek.conn(n)) for n in range(100_000)))
        files = {"file": ("conn.log", "".join(zeek.line(zeek.conn(n)) + "\n" for n in range(15_000)).encode())}
        job = server.http.post("/machinelearning/train", files=files)
        assert job.status_code == 202, job.text
        server.until(lambda: sum(got) > 100_000)
        assert server.http.get(f"/machinelearning/jobs/{job.json()['id']}").json()["finished_at"] is None
        status, errors = server.stop()
        assert (status, errors.count("Traceback")) == (0, 0), errors[-2000:]
        for one in (*deaf, half):
            one.close()
