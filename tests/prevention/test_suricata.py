"""A real Suricata: inline between two hosts it drops what is blocked, and nothing else; hostbits end by themselves."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from prevention.blocks import Block, BlockKey
from prevention.enforcers import Order, load_enforcer
from prevention.errors import EnforcerError
from tests.prevention.netns import ECHO, PROBE, need_namespaces, run
from tests.prevention.processes import need, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prevention.enforcers import Enforcer

RULES = Path(__file__).resolve().parents[2] / "prevention" / "enforcers" / "suricata" / "nslabs.rules"
ONE, OTHER, THIRD = "192.168.7.5", "192.168.7.9", "192.168.7.10"
CONFIG = """%YAML 1.1
---
vars: {{address-groups: {{HOME_NET: any, EXTERNAL_NET: any}}, port-groups: {{}}}}
default-rule-path: {rules}
rule-files: [nslabs.rules]
classification-file: /etc/suricata/classification.config
unix-command: {{enabled: yes, filename: {folder}/socket}}
outputs: [{{eve-log: {{enabled: yes, filename: eve.json, types: [alert, drop]}}}}]
app-layer:
  protocols:
    dns: {{udp: {{enabled: yes, detection-ports: {{dp: 53}}}}, tcp: {{enabled: no}}}}
af-packet:
"""
INTERFACE = """
  - interface: {one}
    copy-mode: ips
    copy-iface: {other}
    cluster-id: {number}
    cluster-type: cluster_flow
    threads: 1
    use-mmap: yes
    ring-size: 2048
    block-size: 65536
"""


class Wire:
    """Two hosts, and Suricata as the wire between them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names = [f"nslabs-{os.getpid()}-{part}" for part in ("sl", "sw", "sr")]
        self._open = ExitStack()
        self._suricata = ExitStack()
        ends = (("left", "right", 91), ("right", "left", 92))
        interfaces = [INTERFACE.format(one=one, other=other, number=number) for one, other, number in ends]
        config = CONFIG.format(folder=folder, rules=RULES.parent) + "".join(interfaces)
        (folder / "suricata.yaml").write_text(config)

    def build(self) -> None:
        """Make the hosts."""
        left, middle, right = self.names
        for name in self.names:
            run("ip", "netns", "add", name)
            self._open.callback(subprocess.run, ["ip", "netns", "del", name], check=False)
        for port, host, hosts in (("left", left, [ONE]), ("right", right, [OTHER, THIRD])):
            run("ip", "link", "add", "up0", "netns", host, "type", "veth", "peer", "name", port, "netns", middle)
            for address in hosts:
                run("ip", "-n", host, "addr", "add", f"{address}/24", "dev", "up0")
            run("ip", "-n", host, "link", "set", "up0", "up")
            run("ip", "-n", middle, "link", "set", port, "up")
        for address in (OTHER, THIRD):
            command = ["ip", "netns", "exec", right, sys.executable, "-S", "-c", ECHO, address]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            self._open.callback(process.wait)
            self._open.callback(process.kill)
            assert process.stdout is not None
            self._open.callback(process.stdout.close)
            assert process.stdout.readline() == "ready\n"

    def start(self) -> None:
        """Start Suricata."""
        (self.folder / "socket").unlink(missing_ok=True)
        (self.folder / "out").unlink(missing_ok=True)
        command = ["ip", "netns", "exec", self.names[1], "suricata", "-c", str(self.folder / "suricata.yaml")]
        command += ["--af-packet", "-l", str(self.folder), "-k", "none"]
        self._suricata.enter_context(running(command, self.folder / "out", self._is_ready))

    def _is_ready(self) -> bool:
        return "Engine started" in (self.folder / "out").read_text(errors="replace")

    def stop(self) -> None:
        """Stop Suricata."""
        self._suricata.close()

    def passes(self, target: str, pause_s: float = 1.0) -> bool:
        """Whether a datagram comes back."""
        command = ["ip", "netns", "exec", self.names[0], sys.executable, "-S", "-c", PROBE]
        return run(*command, ONE, target, "1", str(pause_s)) == "1\n"

    def close(self) -> None:
        """Stop all, and remove the hosts."""
        self.stop()
        self._open.close()


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    need("suricata")
    need_namespaces()
    made = Wire(tmp_path_factory.mktemp("suricata"))
    try:
        made.build()
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture
def hosts(wire: Wire, tmp_path: Path) -> Enforcer:
    return load_enforcer("suricata", {"socket": str(wire.folder / "socket")}, tmp_path)


@pytest.fixture
def domains(wire: Wire, tmp_path: Path) -> Enforcer:
    return load_enforcer("suricata-domains", {"socket": str(wire.folder / "socket")}, tmp_path)


def peer(address: str) -> BlockKey:
    return BlockKey("block", "peer", peer=address)


def order(key: BlockKey, left_s: float = 60.0) -> Order:
    return Order(Block(key, "d-1", 2e9, 600.0), left_s)


def test_inline_it_drops_what_is_blocked_and_nothing_else(wire: Wire, hosts: Enforcer) -> None:
    assert wire.passes(OTHER, 5)
    hosts.apply([order(peer(OTHER))])
    assert not wire.passes(OTHER, 0.2)
    assert wire.passes(THIRD, 5)
    hosts.revoke([peer(OTHER)])
    assert wire.passes(OTHER, 5)
    assert list(hosts.list()) == []


def test_a_hostbit_ends_by_itself(wire: Wire, hosts: Enforcer) -> None:
    hosts.apply([order(peer(OTHER), 2.0)])
    assert not wire.passes(OTHER, 0.2)
    deadline = time.monotonic() + 20
    while not wire.passes(OTHER, 0.5):
        assert time.monotonic() < deadline
    assert list(hosts.list()) == []


def test_a_new_end_replaces_the_old_one(hosts: Enforcer) -> None:
    for left_s in (600.0, 50.0):
        hosts.apply([order(peer("2001:db8::9"), left_s)])
        assert [one.left_s for one in hosts.list()] == [pytest.approx(left_s, abs=5)]
    hosts.revoke([peer("2001:db8::9")])


def test_domains_are_added_and_removed(domains: Enforcer) -> None:
    keys = [BlockKey("block", "domain", domain=name) for name in ("c2.example", "d2.example")]
    domains.apply([order(key) for key in keys])
    domains.apply([order(keys[0])])
    assert [one.key for one in domains.list()] == keys
    domains.revoke([*keys, BlockKey("block", "domain", domain="never.example")])
    assert list(domains.list()) == []


def test_a_suricata_that_restarts_is_found_empty(wire: Wire, hosts: Enforcer, domains: Enforcer) -> None:
    hosts.apply([order(peer(OTHER))])
    domains.apply([order(BlockKey("block", "domain", domain="c2.example"))])
    wire.stop()
    for enforcer in (hosts, domains):
        with pytest.raises(EnforcerError, match="is it running"):
            enforcer.list()
    wire.start()
    assert list(hosts.list()) == []
    assert list(domains.list()) == []
