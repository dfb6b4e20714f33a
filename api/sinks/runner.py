"""Delivers to every sink, each at its own pace: in order, at least once, again until it is taken.

A sink is a reader of the store and nothing else: the pipeline does not know of it, and one that hangs, fails or has
been away for a day holds up neither the pipeline nor another sink.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import stamina
from stamina.instrumentation import set_on_retry_hooks

from api.delays import Delays
from api.sinks.protocol import RefusedError, SinkError
from api.sinks.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from api.sinks.log import ChangeLog, Page
    from api.sinks.protocol import Notice
    from api.sinks.registry import NamedSink

_log = logging.getLogger(__name__)
_PAGE: Final = 100
"""Notices between two writes of how far a sink is: so many may come twice after a crash."""
_POLL_S: Final = 0.5
_SEND_S: Final = 30.0
"""What a receiver may take for one notice until that counts as failure."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How soon a receiver that failed is tried again: seconds at first, at most, and at random beside that."""

    first_s: float = 0.5
    most_s: float = 60.0
    jitter_s: float = 1.0


@dataclass(slots=True)
class SinkStatus:
    """How a sink stands.

    Attributes
    ----------
    delivered, refused, left_out, gone
        Notices since the start: taken, never to be taken, not wanted by its table, and lost to the store's retention.
    waiting, since
        Changes that it was not sent yet, and when the first of them happened, wall clock.
    error
        Why the last try failed; None once one succeeded. `failing_since` is when that began.
    delays
        Seconds from when an alert was stored until the receiver took the notice that it was raised.
    last_error
        The last failure or refusal since the start, whatever came after it.
    """

    name: str
    type: str
    delivered: int = 0
    refused: int = 0
    left_out: int = 0
    gone: int = 0
    waiting: int = 0
    since: float | None = None
    error: str | None = None
    failing_since: float | None = None
    last_error: str | None = None
    delays: Delays = field(default_factory=Delays)


class SinkRunner:
    """One sink's loop."""

    def __init__(
        self, named: NamedSink, log: ChangeLog, pace: Backoff | None = None, wall: Callable[[], float] = time.time
    ) -> None:
        self.status = SinkStatus(named.name, named.type)
        self._named = named
        self._log = log
        self._pace = pace or Backoff()
        self._wall = wall
        self._number = log.begin(named.name)
        self._done = 0

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            while True:
                if not await self._deliver_what_comes():
                    await asyncio.sleep(_POLL_S)
        finally:
            with contextlib.suppress(Exception):  # whatever a sink of somebody else's raises when it ends
                await asyncio.wait_for(self._named.sink.close(), timeout=2.0)

    async def _deliver_what_comes(self) -> bool:
        try:
            return await self._deliver_page()
        except Exception as error:  # noqa: BLE001 - one sink's trouble, whatever it is, must end neither it nor others
            self._fail(_told(error))
            return False

    async def _deliver_page(self) -> bool:
        """Deliver what comes next; return whether there was anything."""
        page = await self._next_page()
        if page is None or page.number == self._number:
            return False
        wanted = [notice for notice in page.notices if self._named.selection.wants(notice)]
        await self._persistently(wanted)
        self._number = page.number
        await self._remember()
        self.status.left_out += len(page.notices) - len(wanted)
        self.status.gone += page.gone
        self.status.waiting = max(0, page.waiting - _PAGE)
        self.status.since = None if not self.status.waiting else self.status.since
        return True

    async def _next_page(self) -> Page | None:
        """Return the next page; None if the store cannot be read now, which is told by those who write it as well."""
        try:
            page = await asyncio.to_thread(self._log.after, self._number, _PAGE)
        except sqlite3.Error as error:
            self._fail(f"the alert store cannot be read: {error}")
            return None
        self.status.waiting, self.status.since = page.waiting, page.since
        if not page.waiting:
            self._is_well()
        return page

    async def _persistently(self, notices: Sequence[Notice]) -> None:
        """Send all of a page, in order; after a failure go on with the first that is not surely the receiver's."""
        self._done = 0
        while self._done < len(notices):
            async for attempt in self._tries():
                with attempt:
                    before = self._done
                    try:
                        await self._send(notices)
                    except Exception as error:
                        self._fail(_told(error))
                        if self._done == before:
                            raise

    def _tries(self) -> stamina._core._RetryContextIterator:
        """Return tries without end; what fails after something was taken begins anew, without the longer waits."""
        return stamina.retry_context(
            on=Exception,
            attempts=None,
            timeout=None,
            wait_initial=self._pace.first_s,
            wait_max=self._pace.most_s,
            wait_jitter=self._pace.jitter_s,
        )

    async def _send(self, notices: Sequence[Notice]) -> None:
        """Send what is left; raises what says why not all were taken, a `SinkError` or whatever a sink raises."""
        sink, sent = self._named.sink, 0
        for number, notice in enumerate(notices[self._done :], self._done + 1):
            sent += await self._send_one(notice)
            if sink.confirms:
                self._done, self.status.delivered, sent = number, self.status.delivered + sent, 0
                self._is_well()
        async with asyncio.timeout(_SEND_S):
            await sink.flush()
        self._done = len(notices)
        self.status.delivered += sent
        self._is_well()

    async def _send_one(self, notice: Notice) -> int:
        """Return 1 if it was taken, 0 if it never will be."""
        try:
            async with asyncio.timeout(_SEND_S):
                await self._named.sink.send(notice)
        except RefusedError as error:
            self.status.refused += 1
            self.status.last_error = one_line(str(error))
            _log.warning("sink %s: alert %s is refused and passed over: %s", self.status.name, notice.alert.id, error)
            return 0
        if notice.event == "raised":
            self.status.delays.add(self._wall() - notice.at)
        return 1

    async def _remember(self) -> None:
        try:
            await asyncio.to_thread(self._log.move, self._named.name, self._number)
        except sqlite3.Error as error:  # sent again after a restart, which is allowed
            self.status.last_error = f"how far it is cannot be written: {error}"

    def _fail(self, error: str) -> None:
        if self.status.error is None:
            self.status.failing_since = self._wall()
            _log.warning("sink %s: %s; it is tried again", self.status.name, one_line(error))
        self.status.error = self.status.last_error = one_line(error)

    def _is_well(self) -> None:
        if self.status.error is not None:
            _log.warning("sink %s: works again", self.status.name)
        self.status.error = self.status.failing_since = None


class Sinks:
    """All sinks of a service."""

    def __init__(self, sinks: Sequence[NamedSink], log: ChangeLog, pace: Backoff | None = None) -> None:
        """Find out how far each is; raises sqlite3.Error if the store cannot be used."""
        self._runners = [SinkRunner(named, log, pace) for named in sinks]

    def statuses(self) -> list[SinkStatus]:
        """Return how each sink stands, in the order of their tables."""
        return [runner.status for runner in self._runners]

    async def run(self) -> None:
        """Deliver until cancelled."""
        set_on_retry_hooks([])  # what failed is told in /health and logged once, not at each try
        await asyncio.gather(*(runner.run() for runner in self._runners))


def _told(error: Exception) -> str:
    """Return a failure in one line; what is not ours says its name, too."""
    if isinstance(error, SinkError):
        return str(error)
    if isinstance(error, TimeoutError):
        return f"no answer within {_SEND_S:g} s"
    return f"{type(error).__name__}: {error}"
