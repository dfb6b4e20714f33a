"""Tells whoever supervises the process, systemd for one, that it is ready, that it is well, and that it ends.

The protocol is sd_notify(3): datagrams of ``KEY=value`` lines to the socket that the supervisor names. WATCHDOG=1 is
sent from the loop that answers HTTP, and only while the pipeline gets on: if either stands still, it stays out.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)
_A_PERIOD: Final = 3
"""Signs of life in a period of the watchdog: one that comes late must not end a service that is well."""


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Where to tell, and after how many seconds without a sign of life the process is restarted; None for never.

    An address that begins with ``@`` is an abstract one; an empty one is nobody, who is told nothing.
    """

    address: str = ""
    watchdog_s: float | None = None

    def tell(self, *lines: str) -> None:
        """Send lines at once; a supervisor that does not take them cannot be helped, and is logged."""
        if not self.address:
            return
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        try:
            with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode(), address)
        except OSError as error:
            _log.warning("the supervisor at NOTIFY_SOCKET cannot be told %s: %s", lines[0], error)


async def keep_told(supervisor: Supervisor, ready: asyncio.Event, trouble: Callable[[], str | None]) -> None:
    """Tell that the service is ready once it is, then that it is well as long as there is no `trouble`, and its end."""
    try:
        await ready.wait()
        supervisor.tell("READY=1", "STATUS=following and scoring")
        if supervisor.watchdog_s is None:
            await asyncio.Event().wait()
        while True:
            told = trouble()
            if told is None:
                supervisor.tell("WATCHDOG=1")
            else:
                supervisor.tell(f"STATUS={told}")
            await asyncio.sleep((supervisor.watchdog_s or 0.0) / _A_PERIOD)
    finally:
        supervisor.tell("STOPPING=1")
