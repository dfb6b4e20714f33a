"""A real unbound with our zone: what is blocked does not exist, and nothing else is touched."""

from __future__ import annotations

import socket
import socketserver
import struct
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from prevention.blocks import Block, BlockKey
from prevention.enforcers import Order, load_enforcer
from prevention.errors import EnforcerError, EnforcerSetupError
from tests.prevention.processes import free_port, need, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prevention.enforcers import Enforcer

CONFIG = """
server:
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  interface: 127.0.0.1
  port: {port}
  do-ip6: no
  module-config: "respip iterator"
  do-not-query-localhost: no
remote-control:
  control-enable: yes
  control-use-cert: no
  control-interface: {folder}/control
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@{upstream}
rpz:
  name: nslabs.rpz
  zonefile: "{folder}/nslabs.rpz"
"""


def order(domain: str) -> Order:
    return Order(Block(BlockKey("block", "domain", domain=domain), "d-1", 2e9, 600.0), 600.0)


def key(domain: str) -> BlockKey:
    return BlockKey("block", "domain", domain=domain)


def ask(port: int, name: str) -> int:
    """Return the code of a resolver's answer: 0 is an answer, 3 says that there is no such name."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    query = struct.pack(">HHHHHH", 4660, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.sendto(query, ("127.0.0.1", port))
        return client.recv(512)[3] & 15


class Internet(socketserver.BaseRequestHandler):
    """Answers each query for an address with one, as a resolver upstream would."""

    def handle(self) -> None:
        """Answer."""
        query, reply = self.request
        end = query.index(b"\0", 12) + 5
        header = query[:2] + struct.pack(">HHHHH", 0x8180, 1, 1, 0, 0)
        record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes([192, 0, 2, 80])
        reply.sendto(header + query[12:end] + record, self.client_address)


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    with socketserver.UDPServer(("127.0.0.1", 0), Internet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def unbound(tmp_path_factory: pytest.TempPathFactory, upstream: int) -> Iterator[tuple[Path, int]]:
    need("unbound", "unbound-control")
    folder, port = tmp_path_factory.mktemp("unbound"), free_port()
    (folder / "unbound.conf").write_text(CONFIG.format(folder=folder, port=port, upstream=upstream))
    (folder / "nslabs.rpz").write_text(
        "$TTL 30\n@ SOA localhost. nslabs.localhost. 1 3600 600 86400 30\n@ NS localhost.\n"
    )
    with running(["unbound", "-d", "-c", str(folder / "unbound.conf")], folder / "out", (folder / "control").exists):
        yield folder, port


@pytest.fixture
def enforcer(unbound: tuple[Path, int], tmp_path: Path) -> Enforcer:
    folder, _ = unbound
    reload = ["unbound-control", "-c", str(folder / "unbound.conf"), "auth_zone_reload", "nslabs.rpz."]
    settings = {"zone_file": str(folder / "nslabs.rpz"), "hosts_file": str(tmp_path / "hosts"), "reload": [reload]}
    return load_enforcer("dns", settings, tmp_path)


def test_a_blocked_domain_and_all_below_it_do_not_exist(unbound: tuple[Path, int], enforcer: Enforcer) -> None:
    _, port = unbound
    assert [ask(port, name) for name in ("www.c2.example.net", "other.example.net", "www.example.org")] == [0, 0, 0]
    enforcer.apply([order("c2.example.net")])
    assert [ask(port, name) for name in ("www.c2.example.net", "other.example.net", "www.example.org")] == [3, 0, 0]
    assert [one.key for one in enforcer.list()] == [key("c2.example.net")]
    enforcer.revoke([key("c2.example.net"), key("was.never.example.net")])
    assert ask(port, "www.c2.example.net") == 0
    assert list(enforcer.list()) == []


def test_files_that_somebody_changed_are_seen(unbound: tuple[Path, int], enforcer: Enforcer, tmp_path: Path) -> None:
    folder, _ = unbound
    enforcer.apply([order("c2.example.net"), order("d2.example.net")])
    assert "0.0.0.0 c2.example.net\n:: c2.example.net\n" in (tmp_path / "hosts").read_text()
    (tmp_path / "hosts").write_text("0.0.0.0 d2.example.net\n0.0.0.0 mine.example.net\n")
    assert [one.key for one in enforcer.list()] == [key("d2.example.net")], "the other one has to be written again"
    assert "mine.example.net" not in (tmp_path / "hosts").read_text()
    (folder / "nslabs.rpz").unlink()
    assert list(enforcer.list()) == []
    enforcer.apply([order("d2.example.net")])
    assert [one.key for one in enforcer.list()] == [key("d2.example.net")]
    enforcer.revoke([key("d2.example.net")])


def test_a_resolver_that_does_not_reload_is_tried_again(tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = f"echo once >> {count}; test $(wc -l < {count}) -ge 3"
    enforcer = load_enforcer("dns", {"zone_file": str(tmp_path / "z"), "reload": [["sh", "-c", script]]}, tmp_path)
    for _ in range(2):
        with pytest.raises(EnforcerError, match="dns: sh"):
            enforcer.list()
    assert list(enforcer.list()) == []
    assert list(enforcer.list()) == []
    assert count.read_text().count("once") == 3


def test_readers_find_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    enforcer = load_enforcer("dns", {"hosts_file": str(tmp_path / "hosts")}, tmp_path)
    enforcer.apply([order("a.example.net")])
    with (tmp_path / "hosts").open() as reader:
        before = reader.readline()
        enforcer.apply([order("b.example.net")])
        assert "b.example.net" not in before + reader.read()
    assert (tmp_path / "hosts").stat().st_mode & 0o777 == 0o644
    (tmp_path / "hosts").unlink()
    (tmp_path / "hosts").mkdir()
    with pytest.raises(EnforcerError, match="hosts"):
        enforcer.apply([order("a.example.net")])


def test_without_a_file_it_is_not_set_up(tmp_path: Path) -> None:
    with pytest.raises(EnforcerSetupError, match="expected zone_file"):
        load_enforcer("dns", {}, tmp_path)


def test_unbound_itself_takes_the_zone(unbound: tuple[Path, int], enforcer: Enforcer) -> None:
    folder, _ = unbound
    enforcer.apply([order("xn--bcher-kva.example.net"), order("_x.c2.example.net")])
    listed = subprocess.run(
        ["unbound-control", "-c", str(folder / "unbound.conf"), "list_auth_zones"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "nslabs.rpz" in listed.stdout
    enforcer.revoke([one.key for one in enforcer.list()])
