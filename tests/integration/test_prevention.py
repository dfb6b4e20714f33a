"""From a scan in the log to packets that stop, with a real service, a real enforcer process and real nftables."""

from __future__ import annotations

import collections
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from prevention.enforcers import load_enforcer
from tests.integration.conftest import nslabs, serving
from tests.prevention.netns import HOME, STRANGER, Lab, lab, need_namespaces, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import Server

ORDINARY: Final = f"{HOME}.250"
WATCH: Final = """
import socket, sys, time
source, target = sys.argv[1:]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
    client.bind((source, 0))
    client.settimeout(0.25)
    number, passing = 0, True
    while True:
        number += 1
        client.sendto(str(number).encode(), (target, 7))
        try:
            while client.recv(100) != str(number).encode():
                pass
            answered = True
        except TimeoutError:
            answered = False
        if answered != passing or number == 1:
            passing = answered
            print("passes" if passing else "stops", time.time(), flush=True)
        time.sleep(0.01)
"""
POLICY: Final = """
mode = "enforce"
[escalation]
ladder = ["6s"]
[limits]
max_device_percent = 20
[[rules]]
name = "scans"
behaviours = ["scan"]
min_severity = "medium"
target = "device"
"""


def moved_to(lines: list[str], now: float) -> list[str]:
    """Return a log's lines with times that end now."""
    head = [line for line in lines if line.startswith("#")]
    rows = [line.split("\t", 1) for line in lines if not line.startswith("#")]
    shift = now - max(float(ts) for ts, _ in rows)
    return head + [f"{float(ts) + shift:.6f}\t{rest}" for ts, rest in rows]


def parts(lines: list[str]) -> tuple[list[str], list[str], str]:
    """Return what was before the attack, the attack, and the address that scans."""
    fields = next(line for line in lines if line.startswith("#fields")).split("\t")[1:]
    host, port = fields.index("id.orig_h"), fields.index("id.resp_p")
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    scanning = collections.Counter(row[host] for row in rows if row[port] in {"23", "2323"})
    victim = scanning.most_common(1)[0][0]
    first = next(n for n, line in enumerate(lines) if line.split("\t")[port : port + 1] in (["23"], ["2323"]))
    return lines[:first], lines[first:], victim


@contextmanager
def watching(made: Lab, source: str) -> Iterator[subprocess.Popen[str]]:
    command = ["ip", "netns", "exec", made.home, sys.executable, "-S", "-u", "-c", WATCH, source, STRANGER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("passes")
            yield process
        finally:
            process.kill()


@contextmanager
def enforcing(config: Path, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    process = nslabs("enforce", "--config", config, *arguments)
    try:
        assert process.stdout is not None
        assert b"enforcing with" in process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


def enforce_config(folder: Path, service: str, made: Lab) -> Path:
    command = ", ".join(f'"{word}"' for word in made.nft())
    path = folder / "enforce.toml"
    path.write_text(
        f'name = "router"\nservice = "{service}"\nstate = "{folder / "enforce"}"\n'
        f"[protect]\nnetworks = ['{HOME}.1/32']\n[enforcers.nftables]\ncommand = [{command}]\n"
    )
    return path


@pytest.fixture(scope="module")
def network() -> Iterator[Lab]:
    need_namespaces("nft")
    with lab("e2e") as made:
        made.echo(STRANGER)
        run("ip", "-n", made.home, "addr", "add", f"{ORDINARY}/24", "dev", "up0")
        yield made


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, network: Lab) -> Iterator[Server]:
    del network  # without it there is nothing to try here
    folder = tmp_path_factory.mktemp("prevention")
    (folder / "policy.toml").write_text(POLICY)
    variable = f'{{"policy": "{folder / "policy.toml"}"}}'
    with serving(folder / "logs", folder / "state", PreventionConfig=variable) as server:
        yield server


def standing(server: Server, *states: str) -> list[dict[str, Any]]:
    answer = server.http.get("/decisions", params=[("state", state) for state in states])
    assert answer.status_code == 200, answer.text
    decisions: list[dict[str, Any]] = answer.json()["decisions"]
    return decisions


def test_a_person_blocks_extends_revokes_and_flushes(service: Server, network: Lab, tmp_path: Path) -> None:
    """A revocation is everywhere at once, and the kill switch leaves nothing behind, yet new blocks work."""
    body = {"kind": "pair", "device": f"::ffff:{ORDINARY}", "peer": STRANGER, "ttl": "10m", "reason": "a try"}
    with enforcing(enforce_config(tmp_path, service.url, network)):
        assert network.passes(ORDINARY, STRANGER, pause_s=2)
        made = service.http.post("/decisions", json=body)
        assert (made.status_code, made.json()["device"], made.json()["state"]) == (201, ORDINARY, "active")
        network.until(ORDINARY, STRANGER, passing=False)
        name = made.json()["id"]
        assert service.http.post(f"/decisions/{name}/extend", json={"ttl": "1h"}).json()["until"] > time.time() + 3500
        assert service.http.post(f"/decisions/{name}/revoke").json()["state"] == "revoked"
        network.until(ORDINARY, STRANGER, passing=True)
        history = service.http.get(f"/decisions/{name}").json()["history"]
        assert [one["after"] for one in history] == ["active", "active", "revoked"]
        assert {one["by_whom"] for one in history} == {"local"}
        second = service.http.post("/decisions", json=body | {"reason": "again"}).json()
        network.until(ORDINARY, STRANGER, passing=False)
        assert service.http.get("/blocklist.txt").text == "", "a pair is nothing for a list of addresses"
        assert service.http.post("/decisions/flush").json() == {"revoked": 1, "flushed": True}
        network.until(ORDINARY, STRANGER, passing=True)
        assert service.http.get(f"/decisions/{second['id']}").json()["state"] == "revoked"
        service.http.post("/decisions/resume")
        third = service.http.post("/decisions", json=body | {"reason": "third"}).json()
        network.until(ORDINARY, STRANGER, passing=False)
        report = service.until(lambda: service.http.get("/decisions/enforcers").json()["processes"])[0]
        assert (report["name"], report["enforcers"][0]["name"]) == ("router", "nftables")
        metrics = service.http.get("/metrics").text
        assert 'nslabs_decisions{state="revoked"} 2.0' in metrics
        assert 'nslabs_enforcer_failures{enforcer="nftables"} 0.0' in metrics
        service.http.post(f"/decisions/{third['id']}/revoke")
        network.until(ORDINARY, STRANGER, passing=True)


def test_what_is_wrong_is_a_problem_document(service: Server) -> None:
    for body, status, code in (
        ({"kind": "peer", "peer": "224.0.0.251", "ttl": 60}, 409, "refused"),
        ({"kind": "peer", "peer": "0x7f000001", "ttl": 60}, 422, "wrong_target"),
        ({"kind": "pair", "peer": "203.0.113.9", "ttl": 60}, 422, "wrong_target"),
        ({"kind": "peer", "peer": "203.0.113.9", "ttl": "99y"}, 422, "wrong_parameter"),
        ({"kind": "peer", "peer": "203.0.113.9", "ttl": "399d"}, 409, "refused"),
        ({"kind": "peer", "peer": "203.0.113.9", "ttl": 60, "action": "quarantine"}, 422, "wrong_target"),
        ({"kind": "peer", "peer": "203.0.113.9", "ttl": 60, "forever": True}, 422, "wrong_parameter"),
    ):
        answer = service.http.post("/decisions", json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert service.http.get("/decisions/d-none").status_code == 404
    assert service.http.post("/decisions/d-none/revoke").status_code == 404
    assert service.http.get("/decisions/explain", params={"what": "127.0.0.1"}).json()["protected"] is not None
    assert any(one["what"] == "127.0.0.0/8" for one in service.http.get("/decisions/protected").json()["protected"])


def test_a_repeated_request_makes_one_decision(service: Server) -> None:
    body = {"kind": "peer", "peer": "203.0.113.200", "ttl": 60}
    made = [service.http.post("/decisions", json=body, headers={"Idempotency-Key": "k1"}).json() for _ in range(3)]
    assert len({one["id"] for one in made}) == 1
    listed = service.http.get("/blocklist.txt")
    assert listed.text == "203.0.113.200\n"
    again = service.http.get("/blocklist.txt", headers={"If-None-Match": listed.headers["etag"]})
    assert (again.status_code, again.text) == (304, "")
    explained = service.http.get("/decisions/explain", params={"what": "203.0.113.0/24"}).json()
    assert [one["id"] for one in explained["standing"]] == [made[0]["id"]]
    service.http.post(f"/decisions/{made[0]['id']}/revoke")
    assert service.http.get("/blocklist.txt").text == ""


@pytest.mark.slow
def test_a_bot_stops_and_nobody_else_does(service: Server, network: Lab, attacked: list[str], tmp_path: Path) -> None:
    """Simulated Mirai in the log, its device and an ordinary one in the lab; then service and enforcer are killed."""
    before, attack, victim = parts(moved_to(attacked, time.time()))
    assert victim.startswith(f"{HOME}."), "the simulator's home network is the lab's"
    run("ip", "-n", network.home, "addr", "add", f"{victim}/24", "dev", "up0")
    service.append("conn.log", *before)
    rows = sum(not line.startswith("#") for line in before)
    service.until(lambda: service.health()["stages"]["source"]["records"].get("conn") == rows, 120)
    with (
        enforcing(enforce_config(tmp_path, service.url, network)) as enforcer,
        watching(network, victim) as bot,
        watching(network, ORDINARY) as ordinary,
    ):
        assert bot.stdout is not None
        service.append("conn.log", *attack)
        word, stopped = bot.stdout.readline().split()
        assert word == "stops"
        made = service.until(lambda: standing(service, "active"))[0]
        assert (made["kind"], made["action"], made["rule"]) == ("device", "block", "scans")
        assert made["alert"]
        explained = service.http.get("/decisions/explain", params={"what": victim}).json()
        assert [one["id"] for one in explained["standing"]] == [made["id"]], "the device is known by its MAC"
        service.process.send_signal(signal.SIGKILL)
        enforcer.send_signal(signal.SIGKILL)
        word, passed = bot.stdout.readline().split()
        assert word == "passes", "the kernel ends the block"
        assert float(passed) - float(stopped) < 60
        assert ordinary.poll() is None
        ordinary.kill()
        assert ordinary.stdout is not None
        assert ordinary.stdout.read() == "", "an ordinary device lost a packet"


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_killed_at_random_moments_no_decision_is_lost_doubled_or_endless(network: Lab, tmp_path: Path) -> None:
    """Ten times both the service and the enforcer are killed while a person blocks and revokes."""
    chance = random.Random(10)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{probe.getsockname()[1]}"
    (tmp_path / "policy.toml").write_text("[limits]\nnew_blocks_per_minute = 10000\n")
    variable = f'{{"policy": "{tmp_path / "policy.toml"}"}}'
    nftables = load_enforcer("nftables", {"command": network.nft()}, tmp_path)
    wanted: dict[str, str] = {}
    logs, state = tmp_path / "logs", tmp_path / "state"
    config = enforce_config(tmp_path, f"http://{listen}", network)

    def ask(server: Server, number: int) -> None:
        """Block one more, or revoke one; what is answered for counts."""
        if wanted and chance.random() < 0.3:
            name = chance.choice(sorted(wanted))
            if server.http.post(f"/decisions/{name}/revoke").json()["state"] == "revoked":
                del wanted[name]
        else:
            body = {"kind": "peer", "peer": f"198.51.{number >> 8}.{number & 255}", "ttl": "30m"}
            made = server.http.post("/decisions", json=body, headers={"Idempotency-Key": f"k{number}"}).json()
            wanted[made["id"]] = made["peer"]

    number = 0
    for _ in range(10):
        with serving(logs, state, "--listen", listen, PreventionConfig=variable) as server:
            with enforcing(config) as enforcer:
                for _ in range(chance.randrange(1, 20)):
                    number += 1
                    ask(server, number)
                time.sleep(chance.uniform(0.0, 0.5))
                for process in chance.sample([server.process, enforcer], 2):
                    process.send_signal(signal.SIGKILL)
            held = nftables.list()
            assert all(one.left_s is not None and one.left_s <= 1800 for one in held)
            assert len({one.key for one in held}) == len(held)
    with serving(logs, state, "--listen", listen, PreventionConfig=variable) as server, enforcing(config):
        active = standing(server, "active")
        assert {one["id"]: one["peer"] for one in active} == wanted
        server.until(lambda: sorted(one.key.peer for one in nftables.list()) == sorted(wanted.values()))
        assert server.http.get("/decisions", params={"limit": 1000}).json()["next_cursor"] is None
        histories = [server.http.get(f"/decisions/{one['id']}").json()["history"] for one in active]
        assert all([one["before"] for one in history].count(None) == 1 for history in histories)
        server.http.post("/decisions/flush")
        server.until(lambda: not nftables.list())
