"""A supervisor hears over its socket that the service is ready, is well only while it is, and ends."""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from api.pipeline.clock import Clock
from api.pipeline.watchdog import Watchdog
from api.serve.supervisor import Supervisor, keep_told
from api.settings import supervisor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PERIOD_S = 0.03


@pytest.fixture(params=["path", "abstract"])
def heard(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """Return a real supervisor's socket and its address as systemd would name it."""
    address = str(tmp_path / "notify") if request.param == "path" else f"@nslabs-test-{os.getpid()}-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind("\0" + address[1:] if address.startswith("@") else address)
        receiver.settimeout(60)
        yield receiver, address


def drain(receiver: socket.socket) -> list[str]:
    """Return what has been sent and not received yet."""
    found = []
    receiver.setblocking(False)
    with suppress(BlockingIOError):
        while True:
            found.append(receiver.recv(4096).decode())
    receiver.settimeout(60)
    return found


def test_ready_then_alive_then_stopping(heard: tuple[socket.socket, str]) -> None:
    receiver, address = heard

    async def scenario() -> list[str]:
        ready = asyncio.Event()
        task = asyncio.create_task(keep_told(Supervisor(address, PERIOD_S), ready, lambda: None))
        await asyncio.sleep(0)
        assert drain(receiver) == []
        ready.set()
        told = [(await asyncio.to_thread(receiver.recv, 4096)).decode() for _ in range(3)]
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return told

    assert asyncio.run(scenario()) == ["READY=1\nSTATUS=following and scoring", "WATCHDOG=1", "WATCHDOG=1"]
    assert drain(receiver)[-1] == "STOPPING=1"


def test_no_sign_of_life_while_the_pipeline_is_stuck(heard: tuple[socket.socket, str]) -> None:
    receiver, address = heard
    now = [0.0]
    watchdog = Watchdog(Clock(monotonic=lambda: now[0]))

    async def scenario() -> list[str]:
        ready = asyncio.Event()
        ready.set()
        with watchdog.doing("reading the logs"):
            now[0] = 60.0
            task = asyncio.create_task(keep_told(Supervisor(address, PERIOD_S), ready, watchdog.blocked))
            told = [(await asyncio.to_thread(receiver.recv, 4096)).decode() for _ in range(3)]
        while not told[-1].startswith("WATCHDOG"):
            told.append((await asyncio.to_thread(receiver.recv, 4096)).decode())
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        return told

    ready, *stuck, alive = asyncio.run(scenario())
    assert ready.startswith("READY=1")
    assert set(stuck) == {"STATUS=the pipeline is blocked for 60 s in reading the logs"}
    assert alive == "WATCHDOG=1"


def test_without_a_watchdog_only_beginning_and_end_are_told(heard: tuple[socket.socket, str]) -> None:
    receiver, address = heard

    async def scenario() -> None:
        ready = asyncio.Event()
        ready.set()
        task = asyncio.create_task(keep_told(Supervisor(address), ready, lambda: None))
        assert (await asyncio.to_thread(receiver.recv, 4096)).startswith(b"READY=1")
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    assert drain(receiver) == ["STOPPING=1"]


def test_a_supervisor_that_is_gone_or_none_is_no_trouble(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Supervisor().tell("READY=1")
    assert not caplog.records
    Supervisor(str(tmp_path / "gone")).tell("READY=1")
    assert "READY=1" in caplog.text


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ("", None)),
        ({"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": "120000000"}, ("/run/n", 120.0)),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}, ("@n", None)),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "nonsense"}, ("@n", None)),
    ],
)
def test_the_environment_says_where_and_how_often(
    environment: dict[str, str], expected: tuple[str, float | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert supervisor() == expected
