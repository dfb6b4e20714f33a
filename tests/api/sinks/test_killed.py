"""The process that delivers is killed again and again, its receiver as well: each alert arrives, in order."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.api.sinks.conftest import Receiver, first_of_each, until

if TYPE_CHECKING:
    from tests.api.sinks.conftest import Desk

DELIVER = """
import asyncio, pathlib, sys
from api.sinks.log import ChangeLog
from api.sinks.registry import make_sinks
from api.sinks.runner import Backoff, Sinks
sinks = make_sinks({"webhook": {"url": sys.argv[2]}})
asyncio.run(Sinks(sinks, ChangeLog(pathlib.Path(sys.argv[1])), Backoff(0.01, 0.1, 0.01)).run())
"""
PROJECT = Path(__file__).resolve().parents[3]


def deliver(desk: Desk, receiver: Receiver) -> subprocess.Popen[bytes]:
    """Start a process that delivers."""
    return subprocess.Popen([sys.executable, "-c", DELIVER, str(desk.path), receiver.url], cwd=PROJECT)


@pytest.mark.slow
@pytest.mark.parametrize("away", [1500, pytest.param(5000, marks=pytest.mark.soak)])
def test_killed_with_its_receiver_away_for_many_pages_of_alerts_nothing_is_missing(desk: Desk, away: int) -> None:
    receiver = Receiver()
    desk.prepare(webhook={"url": receiver.url})
    names = desk.raise_alerts(200)
    seen: list[str] = []

    async def scenario() -> None:
        nonlocal receiver
        process = deliver(desk, receiver)
        await until(lambda: len(receiver.taken) >= 150)
        receiver.stop()
        names.extend(await asyncio.to_thread(desk.raise_alerts, away, 200))
        process.kill()
        process.wait()
        seen.extend(receiver.ids())
        receiver = Receiver(receiver.port)
        for enough in (300, 700, 1200):
            process = deliver(desk, receiver)
            await until(lambda enough=enough: len(receiver.taken) >= enough)  # type: ignore[misc] # bound now
            process.kill()
            process.wait()
        process = deliver(desk, receiver)
        await until(lambda: [message["data"]["id"] for message in receiver.taken[-1:]] == names[-1:])
        process.kill()
        process.wait()

    try:
        asyncio.run(scenario())
    finally:
        receiver.stop()
    seen += receiver.ids()
    assert first_of_each(seen) == names
    assert len(seen) <= len(names) + 5 * 100  # a page each time
