"""A router between a home and the Internet, each in a network namespace of its own; packets that pass are counted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

# Option 11 is SO_NO_CHECK: a checksum that is left to the network card is wrong where a program copies frames.
ECHO: Final = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM) as server:
    if family == socket.AF_INET:
        server.setsockopt(socket.SOL_SOCKET, 11, 1)
    server.bind((sys.argv[1], 7))
    print("ready", flush=True)
    while True:
        data, whom = server.recvfrom(100)
        server.sendto(data, whom)
"""
PROBE: Final = """
import socket, sys, time
source, target, count, pause = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
family = socket.AF_INET6 if ":" in target else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM) as client:
    if family == socket.AF_INET:
        client.setsockopt(socket.SOL_SOCKET, 11, 1)
    client.bind((source, 0))
    client.settimeout(pause)
    answers = 0
    for number in range(count):
        client.sendto(str(number).encode(), (target, 7))
        try:
            while client.recv(100) != str(number).encode():
                pass
            answers += 1
        except TimeoutError:
            pass
print(answers)
"""
HOME: Final = "192.168.1"
CAMERA, PLUG, TV = f"{HOME}.5", f"{HOME}.6", f"{HOME}.7"
CLOUD, STRANGER, OTHER = "198.51.100.7", "203.0.113.9", "203.0.113.10"
CAMERA6, STRANGER6 = "2001:db8:1::5", "2001:db8:9::9"


@dataclass
class Lab:
    """Names of the namespaces, and what can be done in them."""

    home: str
    router: str
    internet: str
    _echoes: ExitStack = field(default_factory=ExitStack)

    def nft(self) -> tuple[str, ...]:
        """Return the command that is nftables on the router."""
        return ("ip", "netns", "exec", self.router, "nft")

    def on_router(self, *command: str) -> str:
        """Run a command on the router."""
        return run("ip", "netns", "exec", self.router, *command)

    def passes(self, source: str, target: str, count: int = 1, pause_s: float = 0.25) -> int:
        """Return how many of so many datagrams come back."""
        command = ["ip", "netns", "exec", self.home, sys.executable, "-S", "-c", PROBE]
        return int(run(*command, source, target, str(count), str(pause_s)))

    def until(self, source: str, target: str, *, passing: bool, patience_s: float = 15.0) -> float:
        """Wait until packets pass, or pass no more; return how long that took."""
        begun = time.monotonic()
        while bool(self.passes(source, target)) != passing:
            assert time.monotonic() - begun < patience_s, f"{source} to {target}: not {passing=}"
        return time.monotonic() - begun

    def echo(self, *addresses: str) -> None:
        """Have hosts of the Internet answer."""
        for address in addresses:
            command = ["ip", "netns", "exec", self.internet, sys.executable, "-S", "-c", ECHO, address]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            self._echoes.callback(process.wait)
            self._echoes.callback(process.kill)
            assert process.stdout is not None
            self._echoes.callback(process.stdout.close)
            assert process.stdout.readline() == "ready\n"

    def close(self) -> None:
        """Stop the hosts that answer."""
        self._echoes.close()


def run(*command: str) -> str:
    """Run a command; its failure is the test's, with what it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def need_namespaces(*programs: str) -> None:
    """Skip where there are no namespaces to be had, or a program is absent."""
    for program in ("ip", *programs):
        if shutil.which(program) is None:
            pytest.skip(f"{program} not on PATH: see PACKAGES in .ci/run")
    if os.geteuid() != 0 or subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True).returncode:
        pytest.skip("network namespaces need root")


@contextmanager
def lab(tag: str) -> Iterator[Lab]:
    """Yield a lab; its namespaces are gone afterwards, and what runs in them with them."""
    names = [f"nslabs-{os.getpid()}-{tag}-{part}" for part in ("home", "router", "net")]
    made = Lab(*names)
    try:
        for name in names:
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        _wire(
            made,
            made.home,
            [f"{HOME}.1/24", "2001:db8:1::1/64"],
            [f"{h}/24" for h in (CAMERA, PLUG, TV)] + [f"{CAMERA6}/64"],
        )
        _wire(made, made.internet, ["198.18.0.1/15", "2001:db8:9::1/64"], ["198.18.0.2/15", f"{STRANGER6}/64"])
        for host in (CLOUD, STRANGER, OTHER):
            run("ip", "-n", made.internet, "addr", "add", f"{host}/32", "dev", "lo")
            run("ip", "-n", made.router, "route", "add", f"{host}/32", "via", "198.18.0.2")
        for option in ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"):
            made.on_router("sysctl", "-q", "-w", option)
        yield made
    finally:
        made.close()
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def _wire(made: Lab, host: str, gates: list[str], hosts: list[str]) -> None:
    """Connect a namespace with the router, and give both their addresses; nothing waits for duplicates of IPv6's."""
    port = host.rsplit("-", 1)[-1]
    run("ip", "link", "add", port, "netns", made.router, "type", "veth", "peer", "name", "up0", "netns", host)
    for where, device, given in ((made.router, port, gates), (host, "up0", hosts)):
        for address in given:
            run("ip", "-n", where, "addr", "add", address, "dev", device, *(["nodad"] if ":" in address else []))
        run("ip", "-n", where, "link", "set", device, "up")
    for gate in gates:
        family = "-6" if ":" in gate else "-4"
        run("ip", "-n", host, family, "route", "add", "default", "via", gate.split("/")[0])
