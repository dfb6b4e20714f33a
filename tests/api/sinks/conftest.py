"""A store, and the loop that delivers from it, without models; receivers are real programs and servers."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from api.sinks.log import ChangeLog
from api.sinks.registry import make_sinks
from api.sinks.runner import Pace, Sinks
from api.state.store import AlertWriter
from ingest.context.identity import Identity

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator
    from pathlib import Path

    from tests.api.conftest import Examples

QUICK = Pace(first_s=0.01, most_s=0.1, jitter_s=0.01)


class Desk:
    """A store that is written as the pipeline writes it, and sinks that read it."""

    def __init__(self, path: Path, examples: type[Examples]) -> None:
        self.path = path / "alerts.sqlite3"
        self.examples = examples
        self.writer = AlertWriter(self.path)
        self.writer.owners.lookup = lambda _: Identity("02:00:00:00:00:17", "porch-camera")
        self.sinks: Sinks | None = None

    def prepare(self, **tables: dict[str, Any]) -> Sinks:
        """Make the sinks, each of which begins here unless it is known."""
        self.sinks = Sinks(make_sinks(tables), ChangeLog(self.path, "https://nslabs.example/"), QUICK)
        return self.sinks

    def raise_alerts(self, count: int, first: int = 0, **fields: Any) -> list[str]:
        """Store alerts of devices of their own, a hundred in one transaction; return their identifiers."""
        names = [f"a{number:05}" for number in range(first, first + count)]
        alerts = [self.examples.alert(name, **({"device": f"d-{name}"} | fields)) for name in names]
        for begin in range(0, count, 100):
            self.writer.upsert(alerts[begin : begin + 100])
        return names

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Sinks]:
        """Deliver within the block."""
        assert self.sinks is not None
        task = asyncio.create_task(self.sinks.run())
        try:
            yield self.sinks
        finally:
            task.cancel()
            await asyncio.wait([task])


async def until(holds: Callable[[], object], seconds: float = 120.0) -> None:
    """Return once something holds; fail if it does not in all that time."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Return a port that nobody listens on at present."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def first_of_each(seen: Iterable[str]) -> list[str]:
    """Return what came, in the order in which each came first: what comes twice is allowed."""
    return list(dict.fromkeys(seen))


@pytest.fixture
def desk(tmp_path: Path, examples: type[Examples]) -> Iterator[Desk]:
    """Return a store of its own."""
    made = Desk(tmp_path, examples)
    yield made
    made.writer.close()
