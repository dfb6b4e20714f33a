"""Debian's CrowdSec: what a bouncer is told is what is wanted, and others' decisions are left alone."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from prevention.blocks import Block, BlockKey
from prevention.enforcers import Order, load_enforcer
from prevention.enforcers.crowdsec import seconds
from prevention.errors import EnforcerError, EnforcerSetupError
from tests.prevention.processes import accepts, free_port, need, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prevention.enforcers import Enforcer

CONFIG = """
common: {{daemonize: false, log_media: stdout, log_level: info, log_dir: {folder}}}
config_paths:
  config_dir: {folder}
  data_dir: {folder}
  simulation_path: {folder}/simulation.yaml
  hub_dir: {folder}/hub
  index_path: {folder}/hub/.index.json
  plugin_dir: {folder}
  notification_dir: {folder}
crowdsec_service: {{enable: false}}
db_config: {{type: sqlite, db_path: {folder}/crowdsec.db, use_wal: true}}
api:
  client: {{credentials_path: {folder}/lapi.yaml}}
  server: {{listen_uri: 127.0.0.1:{port}, profiles_path: {folder}/profiles.yaml, console_path: {folder}/console.yaml}}
prometheus: {{enabled: false}}
"""
PROFILES = "name: none\nfilters: ['false']\ndecisions: [{type: ban, duration: 4h}]\non_success: break\n"
DEVICE, PEER = BlockKey("block", "device", device="192.168.1.5"), BlockKey("block", "peer", peer="203.0.113.9")
PREFIX, PEER6 = BlockKey("block", "peer", peer="203.0.113.0/24"), BlockKey("block", "peer", peer="2001:db8::9")


class CrowdSec:
    """A Local API in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        (folder / "hub").mkdir()
        (folder / "hub" / ".index.json").write_text("{}")
        (folder / "simulation.yaml").write_text("simulation: false\n")
        (folder / "profiles.yaml").write_text(PROFILES)
        (folder / "lapi.yaml").touch()
        (folder / "password").write_text("s3cret\n")
        (folder / "config.yaml").write_text(CONFIG.format(folder=folder, port=self.port))
        self.cscli("machines", "add", "nslabs", "--password", "s3cret", "--force", "-f", str(folder / "lapi.yaml"))
        self.cscli("bouncers", "add", "firewall", "-k", "bouncerkey")
        self._running = ExitStack()

    def cscli(self, *arguments: str) -> str:
        """Run CrowdSec's own command."""
        command = ["cscli", "-c", str(self.folder / "config.yaml"), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout

    def start(self) -> None:
        """Start it."""
        command = ["crowdsec", "-c", str(self.folder / "config.yaml")]
        self._running.enter_context(running(command, self.folder / "out", lambda: accepts(self.port)))

    def stop(self) -> None:
        """Stop it."""
        self._running.close()

    def bouncer(self) -> dict[str, dict[str, Any]]:
        """Return the decisions that a bouncer gets at its start, by what they are about."""
        url = f"http://127.0.0.1:{self.port}/v1/decisions/stream"
        answer = httpx2.get(url, params={"startup": "true"}, headers={"X-Api-Key": "bouncerkey"})
        return {one["value"]: one for one in answer.json()["new"] or []}


def order(key: BlockKey, left_s: float = 600.0) -> Order:
    return Order(Block(key, "d-1", 2e9, 600.0, behaviour="scan", sentence="it scans"), left_s)


@pytest.fixture(scope="module")
def crowdsec(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CrowdSec]:
    need("crowdsec", "cscli")
    made = CrowdSec(tmp_path_factory.mktemp("crowdsec"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def enforcer(crowdsec: CrowdSec, tmp_path: Path) -> Iterator[Enforcer]:
    settings = {
        "url": f"http://127.0.0.1:{crowdsec.port}",
        "machine": "nslabs",
        "password_file": str(crowdsec.folder / "password"),
    }
    made = load_enforcer("crowdsec", settings, tmp_path)
    yield made
    made.revoke([one.key for one in made.list()])
    made.close()


def test_every_bouncer_is_told(crowdsec: CrowdSec, enforcer: Enforcer) -> None:
    keys = {DEVICE, PEER, PREFIX, PEER6}
    enforcer.apply([order(key) for key in keys])
    told = crowdsec.bouncer()
    assert set(told) == {"192.168.1.5", "203.0.113.9", "203.0.113.0/24", "2001:db8::9"}
    assert {one["scope"] for one in told.values()} == {"Ip", "Range"}
    assert all(500 < seconds(one["duration"]) <= 600 for one in told.values())
    assert {one.key for one in enforcer.list()} == keys
    enforcer.revoke([PEER, PREFIX])
    assert set(crowdsec.bouncer()) == {"192.168.1.5", "2001:db8::9"}


def test_a_new_end_replaces_the_old_one(crowdsec: CrowdSec, enforcer: Enforcer) -> None:
    for left_s in (600.0, 3600.0, 60.0):
        enforcer.apply([order(PEER, left_s)])
        assert seconds(crowdsec.bouncer()["203.0.113.9"]["duration"]) == pytest.approx(left_s, abs=30)
        assert [one.left_s for one in enforcer.list()] == [pytest.approx(left_s, abs=30)]


def test_bans_of_others_are_left_alone(crowdsec: CrowdSec, enforcer: Enforcer) -> None:
    crowdsec.cscli("decisions", "add", "--ip", "203.0.113.77", "--duration", "1h")
    enforcer.apply([order(PEER)])
    assert [one.key for one in enforcer.list()] == [PEER]
    enforcer.revoke([PEER, BlockKey("block", "peer", peer="203.0.113.77")])
    assert set(crowdsec.bouncer()) == {"203.0.113.77"}
    crowdsec.cscli("decisions", "delete", "--ip", "203.0.113.77")


def test_one_that_is_down_is_told_and_found_again(crowdsec: CrowdSec, enforcer: Enforcer) -> None:
    enforcer.apply([order(PEER)])
    crowdsec.stop()
    with pytest.raises(EnforcerError, match="crowdsec: http"):
        enforcer.list()
    crowdsec.start()
    assert [one.key for one in enforcer.list()] == [PEER]


def test_who_is_not_let_in_is_told_what_to_do(crowdsec: CrowdSec, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("wrong")
    settings = {
        "url": f"http://127.0.0.1:{crowdsec.port}",
        "machine": "nslabs",
        "password_file": str(tmp_path / "wrong"),
    }
    wrong = load_enforcer("crowdsec", settings, tmp_path)
    with pytest.raises(EnforcerError, match="cscli machines add nslabs"):
        wrong.list()
    wrong.close()
    with pytest.raises(EnforcerSetupError, match="password_file"):
        load_enforcer("crowdsec", settings | {"password_file": str(tmp_path / "none")}, tmp_path)
