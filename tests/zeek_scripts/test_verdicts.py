"""The loop with Zeek: a block goes in as a typed event, and what Zeek holds comes back."""

from __future__ import annotations

import json
import shutil
import socket
import statistics
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from prevention.blocks import Block, BlockKey
from prevention.enforcers import Order
from prevention.enforcers.zeek import Zeek
from prevention.enforcers.zeek.session import Session
from prevention.enforcers.zeek.values import event, read_event, real, seconds, string, subnet
from prevention.errors import EnforcerError
from tests.zeek_scripts.signatures import check_event, declared
from tests.zeek_scripts.standin import StandIn

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).resolve().parents[2] / "zeek-scripts"
DEVICE, PEER = BlockKey("block", "device", device="192.168.1.5"), BlockKey("block", "peer", peer="203.0.113.0/24")
PAIR, PAIR6 = (
    BlockKey("block", "pair", device="192.168.1.5", peer="203.0.113.9"),
    BlockKey("block", "pair", device="2001:db8::5", peer="2001:db8:9::/48"),
)
GATEWAY = BlockKey("block", "peer", peer="192.168.1.1")


def order(key: BlockKey, left_s: float = 60.0) -> Order:
    block = Block(key, "d-1", 2e9, 600.0, alert="a-1", behaviour="scan", sentence="it scans", confidence=0.9)
    return Order(block, left_s)


@pytest.fixture
def zeek() -> Iterator[StandIn]:
    made = StandIn(never_block=["192.168.1.1/32"])
    made.start()
    yield made
    made.stop()
    assert made.problems == []


@pytest.fixture
def enforcer(zeek: StandIn) -> Iterator[Zeek]:
    made = Zeek(zeek.url)
    yield made
    made.close()


def test_a_block_goes_in_and_comes_back(zeek: StandIn, enforcer: Zeek) -> None:
    keys = {DEVICE, PEER, PAIR, PAIR6}
    enforcer.apply([order(key) for key in keys])
    left = {one.key: one.left_s or 0.0 for one in enforcer.list()}
    assert set(left) == keys
    assert all(55 < value <= 60 for value in left.values())
    assert zeek.notices == ["it scans"] * 4
    enforcer.revoke([*keys, GATEWAY])
    assert list(enforcer.list()) == []


def test_a_block_ends_in_zeek(enforcer: Zeek) -> None:
    enforcer.apply([order(DEVICE, 0.3)])
    assert len(enforcer.list()) == 1
    deadline = time.monotonic() + 10
    while enforcer.list():
        assert time.monotonic() < deadline


def test_zeek_refuses_what_it_protects_and_takes_the_rest(enforcer: Zeek) -> None:
    with pytest.raises(EnforcerError, match=r"192\.168\.1\.1.* is protected"):
        enforcer.apply([order(GATEWAY), order(PAIR)])
    assert [one.key for one in enforcer.list()] == [PAIR]


def test_a_zeek_that_restarts_is_found_empty(zeek: StandIn, enforcer: Zeek) -> None:
    enforcer.apply([order(DEVICE)])
    zeek.stop()
    with pytest.raises(EnforcerError, match="is it running, with our package loaded"):
        enforcer.list()
    zeek.start()
    assert list(enforcer.list()) == []


def test_a_zeek_without_our_package_is_told(zeek: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prevention.enforcers.zeek.session._TIMEOUT_S", 0.3)
    zeek.is_mute = True
    with pytest.raises(EnforcerError, match="our package loaded"):
        Zeek(zeek.url).list()


def test_what_zeek_cannot_read_is_told() -> None:
    with pytest.raises(EnforcerError, match="deserialization_failed"):
        read_event({"type": "error", "code": "deserialization_failed", "context": "index 3"})
    for junk in (None, [], {"type": "data-message"}, {"type": "data-message", "data": [1, 2]}, {"type": "ack"}):
        assert read_event(junk) is None


def test_the_check_of_messages_can_fail() -> None:
    good = event("t", "NSLabs::unblock", string("1"), subnet("192.0.2.1"), subnet(""), string("why"))
    assert check_event(good, "t")[0] == "NSLabs::unblock"
    for wrong in (
        event("t", "NSLabs::unblock", string("1"), string("192.0.2.1/32"), subnet(""), string("why")),
        event("t", "NSLabs::unblock", string("1"), subnet("192.0.2.1"), subnet("")),
        event("t", "NSLabs::nothing", string("1")),
        event("u", "NSLabs::unblock", string("1"), subnet("192.0.2.1"), subnet(""), string("why")),
        {**good, "@data-type": "set"},
    ):
        with pytest.raises((AssertionError, KeyError, ValueError)):
            check_event(wrong, "t")


def test_the_script_declares_what_is_sent() -> None:
    assert declared()["NSLabs::block"] == [
        "string",
        "string",
        "subnet",
        "subnet",
        "interval",
        *["string"] * 3,
        "double",
    ]
    assert declared()["NSLabs::standing"] == ["string", "vector of subnet", "vector of subnet", "vector of interval"]


@pytest.mark.parametrize(
    ("text", "value"), [("1500ms", 1.5), ("600s", 600), ("2min", 120), ("3d", 259_200), ("5ns", 5e-9)]
)
def test_intervals_are_read(text: str, value: float) -> None:
    assert seconds(text) == pytest.approx(value)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


DEBUG_PLUGIN = """
@load {folder}/nslabs-verdict
redef exit_only_after_terminate = T;
redef NSLabs::listen_port = {port}/tcp;
redef NSLabs::never_block += {{ 192.168.1.1/32 }};
event NetControl::init()
	{{
	NetControl::activate(NetControl::create_debug(T), 0);
	}}
"""


@pytest.fixture
def real_zeek(tmp_path: Path) -> Iterator[Zeek]:
    program = shutil.which("zeek")
    if program is None:
        pytest.skip("zeek not on PATH")
    port, script = free_port(), tmp_path / "site.zeek"
    script.write_text(DEBUG_PLUGIN.format(folder=FOLDER, port=port), encoding="utf-8")
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen([program, str(script)], cwd=tmp_path, stdout=out, stderr=out)
        enforcer = Zeek(f"ws://127.0.0.1:{port}/v1/messages/json")
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    enforcer.list()
                    break
                except EnforcerError:
                    assert process.poll() is None, (tmp_path / "out").read_text(encoding="utf-8")
                    assert time.monotonic() < deadline
            yield enforcer
        finally:
            enforcer.close()
            process.terminate()
            process.wait()


def test_real_zeek_blocks_tells_and_ends(real_zeek: Zeek, tmp_path: Path) -> None:
    """Round trips, NetControl's rules, the notice and nslabs.log of a real Zeek."""
    keys = [DEVICE, PEER, PAIR, PAIR6]
    real_zeek.apply([order(key) for key in keys])
    assert {one.key for one in real_zeek.list()} == set(keys)
    real_zeek.apply([order(DEVICE, 300.0)])
    assert any(one.key == DEVICE and (one.left_s or 0) > 290 for one in real_zeek.list())
    with pytest.raises(EnforcerError, match="is protected"):
        real_zeek.apply([order(GATEWAY)])
    real_zeek.revoke(keys)
    assert list(real_zeek.list()) == []
    for name, text in (("notice.log", "it scans"), ("netcontrol.log", "nslabs d-1"), ("nslabs.log", "unblock")):
        deadline = time.monotonic() + 30
        while text not in (tmp_path / name).read_text(encoding="utf-8"):
            assert time.monotonic() < deadline, name


def test_round_trips_are_quick(zeek: StandIn) -> None:
    """The median, on any machine, is far below what a person or a Zeek would notice."""
    session, trips = Session(zeek.url), []
    for _ in range(50):
        begun = time.perf_counter()
        session.ask("NSLabs::hello", "NSLabs::done", string("0.1.0"))
        trips.append(time.perf_counter() - begun)
    session.ask("NSLabs::note", "NSLabs::done", *note())
    session.close()
    assert statistics.median(trips) < 0.5
    assert zeek.notices == ["it scans"]


def note() -> list[dict[str, Any]]:
    uids = {"@data-type": "vector", "data": [string("CAbc1"), string("CAbc2")]}
    device = {"@data-type": "address", "data": "192.168.1.5"}
    return [string("a-1"), device, string("scan"), string("it scans"), real(0.97), json.loads(json.dumps(uids))]
