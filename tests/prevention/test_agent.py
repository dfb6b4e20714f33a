"""The process that holds the capability: what it was told last stands, without the service and over kill -9."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlparse

import pytest

from prevention.agent import load_agent_config, sweep
from prevention.blocks import Block, BlockKey, WantedBlocks, to_json
from prevention.enforcers import load_enforcer
from prevention.errors import EnforcerSetupError
from tests.preloaded import Preloaded
from tests.prevention.netns import lab, need_namespaces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.prevention.netns import Lab

PROJECT = Path(__file__).resolve().parents[2]


class Service(ThreadingHTTPServer):
    """Says what is wanted, as the real one does, and keeps what it is told."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Answer)
        self.wanted = WantedBlocks(1)
        self.reports: list[dict[str, Any]] = []
        self.tokens: set[str] = set()

    def want(self, *keys: BlockKey, ttl_s: float = 600.0) -> None:
        """Want these blocks from now on."""
        until = time.time() + ttl_s
        blocks = tuple(Block(key, f"d-{number}", until, ttl_s) for number, key in enumerate(sorted(keys)))
        self.wanted = WantedBlocks(self.wanted.revision + 1, blocks)


class Answer(BaseHTTPRequestHandler):
    """The two routes that an enforcer process asks."""

    server: Service

    def do_GET(self) -> None:
        """Wait for news, and tell it."""
        self.server.tokens.add(self.headers.get("authorization", ""))
        asked = parse_qs(urlparse(self.path).query)
        until = time.monotonic() + float(asked["wait_s"][0])
        while str(self.server.wanted.revision) == asked["revision"][0] and time.monotonic() < until:
            time.sleep(0.01)
        self._send(200, to_json(self.server.wanted))

    def do_POST(self) -> None:
        """Keep a report."""
        self.server.reports.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self._send(204, b"")

    def _send(self, status: int, body: bytes) -> None:
        try:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:  # it was killed meanwhile
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(port: int = 0) -> Iterator[Service]:
    with Service(port) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield made
        finally:
            made.shutdown()
            thread.join()


def started(config: Path) -> subprocess.Popen[bytes]:
    arguments = ("enforce", "--config", config)
    return Preloaded(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


@contextmanager
def running(config: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = started(config)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def configured(folder: Path, service: str, *lines: str) -> Path:
    """Write a configuration with the hosts file as an enforcer that cannot end anything by itself."""
    path = folder / "enforce.toml"
    head = f'service = "{service}"\nstate = "{folder / "state"}"\n'
    path.write_text(head + "\n".join(lines) + f'\n[enforcers.dns]\nhosts_file = "{folder / "hosts"}"\n')
    return path


def url(service: Service) -> str:
    return f"http://127.0.0.1:{service.server_port}"


def domain(name: str) -> BlockKey:
    return BlockKey("block", "domain", domain=name)


def names(folder: Path) -> set[str]:
    path = folder / "hosts"
    lines = path.read_text().splitlines() if path.exists() else []
    return {line.split()[1] for line in lines if line.startswith("0.0.0.0")}  # noqa: S104 - leads nowhere


def until(probe: Callable[[], bool], patience_s: float = 60.0) -> None:
    deadline = time.monotonic() + patience_s
    while not probe():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_is_wanted_is_held_reported_and_lifted(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0ken\n")
    with serving() as service:
        service.want(domain("a.test"), domain("b.test"), BlockKey("block", "peer", peer="203.0.113.9"))
        with running(configured(tmp_path, url(service), f'token_file = "{tmp_path / "token"}"')):
            until(lambda: names(tmp_path) == {"a.test", "b.test"})
            service.want(domain("b.test"))
            until(lambda: names(tmp_path) == {"b.test"})
            (tmp_path / "hosts").unlink()
            until(lambda: names(tmp_path) == {"b.test"})
            service.want()
            until(lambda: names(tmp_path) == set())
            until(lambda: bool(service.reports))
    assert service.tokens == {"Bearer t0ken"}
    assert service.reports[0]["enforcers"][0]["name"] == "dns"
    assert service.reports[0]["uncovered"] == ["d-2"], "no enforcer here blocks a peer"


@pytest.mark.slow
def test_without_the_service_blocks_stand_until_their_end(tmp_path: Path) -> None:
    with serving() as service:
        config = configured(tmp_path, url(service))
        with running(config):
            until(lambda: bool(service.reports))  # a start can take longer than the block
            service.want(domain("a.test"), ttl_s=5.0)
            until(lambda: names(tmp_path) == {"a.test"})
    with running(config):  # nobody answers it
        assert names(tmp_path) == {"a.test"}
        until(lambda: names(tmp_path) == set())


@pytest.mark.slow
def test_the_sweeper_lifts_what_is_over_and_nothing_else(tmp_path: Path) -> None:
    with serving() as service:
        config = configured(tmp_path, url(service))
        service.want(domain("long.test"))
        long = service.wanted.blocks[0]
        with running(config):
            until(lambda: names(tmp_path) == {"long.test"})
            service.want(domain("short.test"), ttl_s=5.0)
            service.wanted = WantedBlocks(9, (long, *service.wanted.blocks))
            until(lambda: names(tmp_path) == {"long.test", "short.test"})
            with pytest.raises(EnforcerSetupError, match="another nslabs enforce uses it"):
                sweep(load_agent_config(config))
    until(lambda: time.time() > service.wanted.blocks[1].until)
    assert sweep(load_agent_config(config)) == []
    assert names(tmp_path) == {"long.test"}
    assert sweep(load_agent_config(config), everything=True) == []
    assert names(tmp_path) == set()
    assert sweep(load_agent_config(config)) == []
    assert names(tmp_path) == set()


@pytest.mark.slow
def test_one_that_is_down_at_the_flush_is_emptied_when_it_returns(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    with serving() as service:
        service.want(domain("a.test"))
        path = configured(tmp_path, url(service))
        path.write_text(path.read_text() + f'reload = [["test", "-e", "{gate}"]]\n')
        with running(path):
            until(lambda: names(tmp_path) == {"a.test"})
            gate.unlink()
            (tmp_path / "hosts").unlink()
            (tmp_path / "hosts").mkdir()
            service.want()
            until(lambda: any(one["enforcers"][0]["problem"] for one in service.reports))
            (tmp_path / "hosts").rmdir()
            (tmp_path / "hosts").write_text("0.0.0.0 a.test\n:: a.test\n")
            gate.touch()
            until(lambda: names(tmp_path) == set())


def test_a_service_that_begins_anew_is_believed(tmp_path: Path) -> None:
    """Its count may come to the very revision that was known of the one before."""
    with serving() as first:
        first.want(domain("a.test"))
        config, port = configured(tmp_path, url(first)), first.server_port
        with running(config):
            until(lambda: names(tmp_path) == {"a.test"})
            first.shutdown()
            first.server_close()
            with serving(port) as second:
                second.want(domain("b.test"))
                assert second.wanted.revision == first.wanted.revision
                until(lambda: names(tmp_path) == {"b.test"})


def test_it_parses_no_log_and_holds_no_model() -> None:
    """What has the capability has as little code as can be: no decoder, no model, no web server."""
    code = (
        "import sys, api.cli.enforce\nfrom prevention.agent import Agent\n"
        "from prevention.enforcers import load_enforcer\n"
        "import prevention.enforcers.nftables, prevention.enforcers.zeek, prevention.enforcers.webhook\n"
        "print(sorted({'numba', 'polars', 'numpy', 'fastapi', 'river', 'ingest.decode'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no enforcer is configured"),
        ("[enforcers.iptables]", "unknown enforcer"),
        ("services = 1", "services"),
        ("[enforcers.dns]", "expected zone_file"),
        ("x = ", "expected TOML"),
    ],
)
def test_a_wrong_configuration_ends_it_with_one_line(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "enforce.toml"
    path.write_text(text)
    arguments = ("enforce", "--config", path, "--state", tmp_path / "state")
    with Preloaded(arguments, stderr=subprocess.PIPE, text=True) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert problem in errors
    assert "Traceback" not in errors


@pytest.fixture
def network() -> Iterator[Lab]:
    need_namespaces("nft")
    with lab("agent") as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("kills", [6, pytest.param(100, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_killed_at_random_moments_nothing_is_lost_doubled_or_endless(tmp_path: Path, network: Lab, kills: int) -> None:
    chance = random.Random(kills)
    keys = [BlockKey("block", "peer", peer=f"203.0.113.{number}") for number in range(1, 40)]
    keys += [domain(f"d{number}.test") for number in range(20)]
    command = json.dumps(network.nft())
    with serving() as service:
        config = configured(tmp_path, url(service))
        config.write_text(config.read_text() + f"[enforcers.nftables]\ncommand = {command}\n")
        nftables = load_enforcer("nftables", {"command": network.nft()}, tmp_path)
        for _ in range(kills):
            service.want(*chance.sample(keys, chance.randrange(len(keys))))
            process = started(config)
            time.sleep(chance.uniform(0.3, 1.2))
            service.want(*chance.sample(keys, chance.randrange(len(keys))))
            time.sleep(chance.uniform(0.0, 0.1))
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            assert all(one.left_s is not None and one.left_s <= 600 for one in nftables.list())
        with running(config):
            peers = {block.key for block in service.wanted.blocks if block.key.kind == "peer"}
            domains = {block.key.domain for block in service.wanted.blocks if block.key.kind == "domain"}
            until(lambda: {one.key for one in nftables.list()} == peers)
            until(lambda: names(tmp_path) == domains)
            assert len(nftables.list()) == len(peers)
