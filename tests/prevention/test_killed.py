"""Both processes are killed at random moments, over and over: no decision is lost, doubled, or without an end."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

from api.state.directory import StateDirectory
from api.state.store import AlertReader
from api.state.store.rows import to_json
from online_models.types import Alert
from prevention.enforcers import load_enforcer
from tests.preloaded import Preloaded
from tests.prevention.deciding import Deciding
from tests.prevention.netns import lab, need_namespaces
from tests.prevention.processes import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.prevention.netns import Lab

TTL_S: Final = 1800
POLICY: Final = f"""
mode = "enforce"
[limits]
new_blocks_per_minute = 10000
[[rules]]
name = "all"
target = "peer"
ttl = "{TTL_S // 60}m"
"""


@dataclass
class Person:
    """Blocks, revokes and has alerts raised until the service is gone; asks again what was not answered.

    ``wanted`` is what was answered for: identifiers of decisions to their peers; ``done`` counts what was.
    """

    folder: Path
    url: str
    chance: random.Random
    wanted: dict[str, str] = field(default_factory=dict)
    alerts: list[Alert] = field(default_factory=list)
    requests: int = 0
    done: int = 0
    _unanswered: Callable[[httpx.Client], None] | None = None

    def act(self, deciding: subprocess.Popen[bytes], most: int) -> None:
        """Do so many things, or what can be done until the service is gone."""
        try:
            with httpx.Client(base_url=self.url, timeout=30) as http:
                reached(http)
                self.done += 1
                self._tell_what_is_not_stored(deciding)
                if self._unanswered is not None:
                    self._ask(http, self._unanswered)
                for _ in range(most):
                    self._tell(deciding, self._new_alert())
                    self._ask(http, self._revocation() if self.chance.random() < 0.3 and self.wanted else self._block())
                    self.done += 1
        except (httpx.TransportError, BrokenPipeError):
            return

    def wait_until(self, goal: int) -> None:
        """Return once so many things were done, by another thread."""
        until(lambda: self.done >= goal, 60)

    def _ask(self, http: httpx.Client, what: Callable[[httpx.Client], None]) -> None:
        self._unanswered = what
        what(http)
        self._unanswered = None

    def _block(self) -> Callable[[httpx.Client], None]:
        self.requests += 1
        number = self.requests
        peer = f"198.51.{number >> 8}.{number & 255}"

        def ask(http: httpx.Client) -> None:
            body = {"kind": "peer", "peer": peer, "ttl": TTL_S}
            answer = http.post("/decisions", json=body, headers={"Idempotency-Key": f"k{number}"})
            assert answer.status_code == 201, answer.text
            self.wanted[answer.json()["id"]] = peer

        return ask

    def _revocation(self) -> Callable[[httpx.Client], None]:
        name = self.chance.choice(sorted(self.wanted))

        def ask(http: httpx.Client) -> None:
            answer = http.post(f"/decisions/{name}/revoke")
            assert answer.status_code in {200, 409}, answer.text  # 409: it was done, and the answer lost
            self.wanted.pop(name, None)

        return ask

    def _new_alert(self) -> Alert:
        number, now = len(self.alerts) + 1, time.time()
        peer = f"198.18.{number >> 8}.{number & 255}"
        self.alerts.append(
            Alert(
                id=f"a-{number}",
                device="192.168.7.9",
                behaviour="scan",
                log="conn",
                severity="high",
                score=0.9,
                ts=now,
                first_ts=now,
                last_ts=now,
                count=1,
                sentence="it scans",
                peers=(peer,),
            )
        )
        return self.alerts[-1]

    def _tell_what_is_not_stored(self, deciding: subprocess.Popen[bytes]) -> None:
        """Raise again what the store does not have, as the pipeline does from its last checkpoint on."""
        known = AlertReader(StateDirectory(self.folder).alerts)
        for alert in self.alerts[-50:]:
            if known.get(alert.id) is None:
                self._tell(deciding, replace(alert, last_ts=time.time()))

    @staticmethod
    def _tell(deciding: subprocess.Popen[bytes], alert: Alert) -> None:
        assert deciding.stdin is not None
        deciding.stdin.write(to_json(alert).encode() + b"\n")
        deciding.stdin.flush()


def reached(http: httpx.Client) -> None:
    """Return once the service answers, whose process is there."""
    end = time.monotonic() + 60
    while True:
        try:
            assert http.get("/livez").status_code == 200
        except httpx.ConnectError:
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


@dataclass
class Site:
    """Both processes on real nftables."""

    folder: Path
    network: Lab
    port: int = field(default_factory=free_port)
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Write their configurations."""
        (self.folder / "policy.toml").write_text(POLICY)
        (self.folder / "enforce.toml").write_text(
            f'service = "http://127.0.0.1:{self.port}"\nstate = "{self.folder / "enforce"}"\n'
            f"[enforcers.nftables]\ncommand = {json.dumps(self.network.nft())}\n"
        )
        self.nftables = load_enforcer("nftables", {"command": self.network.nft()}, self.folder)

    def start(self) -> tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]:
        """Start the deciding process and the enforcing one; return both."""
        arguments = (self.folder / "state", self.port, self.folder / "policy.toml")
        with (self.folder / "errors").open("ab") as errors:
            deciding = Deciding(arguments, stdin=subprocess.PIPE, stderr=errors)
        enforcing = Preloaded(
            ("enforce", "--config", self.folder / "enforce.toml"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.running = [deciding, enforcing]
        return deciding, enforcing

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill one of them."""
        os.kill(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """Kill what runs, and let go of it; nobody writes to it any more."""
        for process in self.running:
            if process.poll() is None:
                self.kill(process)
            if process.stdin is not None:
                with suppress(BrokenPipeError):  # something was on its way
                    process.stdin.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    need_namespaces("nft")
    (tmp_path / "state").mkdir()
    with lab("killed") as network:
        made = Site(tmp_path, network)
        yield made
        made.stop()


@pytest.mark.slow
@pytest.mark.parametrize("kills", [6, pytest.param(100, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_no_decision_is_lost_doubled_or_endless(site: Site, kills: int) -> None:
    chance = random.Random(kills)
    person = Person(site.folder / "state", f"http://127.0.0.1:{site.port}", chance)
    for _ in range(kills):
        both = site.start()
        acting = threading.Thread(target=person.act, args=(both[0], 1000))
        acting.start()
        person.wait_until(person.done + chance.randrange(1, 6))
        time.sleep(chance.uniform(0.0, 0.05))
        for process in chance.sample(both, 2):
            site.kill(process)
            time.sleep(chance.uniform(0.0, 0.1))
        acting.join(60)
        assert not acting.is_alive()
        site.stop()
        assert all(one.left_s is not None and one.left_s <= TTL_S for one in site.nftables.list())
    deciding, _ = site.start()
    person.act(deciding, 1)
    of_alerts = {alert.id: alert.peers[0] for alert in person.alerts}
    with httpx.Client(base_url=person.url, timeout=30) as http:
        until(lambda: len(active(http)) == len(person.wanted) + len(of_alerts), 60)
        found = active(http)
        assert {one["id"]: one["peer"] for one in found if not one["alert"]} == person.wanted
        assert {one["alert"]: one["peer"] for one in found if one["alert"]} == of_alerts
        assert {one["step"] for one in found} == {0}, "made again"
        for one in found:
            history = http.get(f"/decisions/{one['id']}").json()["history"]
            assert [change["before"] for change in history].count(None) == 1
        peers = sorted([*person.wanted.values(), *of_alerts.values()])
        until(lambda: sorted(one.key.peer for one in site.nftables.list()) == peers, 60)
        assert all(one.left_s is not None and one.left_s <= TTL_S for one in site.nftables.list())
        http.post("/decisions/flush")
        until(lambda: not site.nftables.list(), 60)
    assert person.done >= kills, "it was killed before it did anything"


def active(http: httpx.Client) -> list[dict[str, Any]]:
    """Return every active decision."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = http.get("/decisions", params={"state": "active", "limit": 1000, **cursor}).json()
        found += page["decisions"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


def until(is_so: Callable[[], bool], timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)
