"""The thread that writes the register of devices, so that neither the models nor a slow disk wait for the other."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.devices.sightings import Seen
    from api.state.devices.register import DeviceRegister
    from api.state.devices.rows import Device

_log = logging.getLogger(__name__)
_REST_S: Final = 2.0
"""Between two writes, and before what a disk refused is tried again."""
_MOST_WAITING: Final = 1024
"""Handed over and not written yet; what is dropped beyond is seen again, and counted."""
_TOLD_ONE_BY_ONE: Final = 50
"""New devices of one moment: readers of a stream are not flooded by a site that is seen for the first time."""


class Recorder:
    """Takes what was seen, and writes it every few seconds.

    Parameters
    ----------
    register
        Closed by `close`.
    tell
        Called with each new device, and with how many more there are than are told one by one; must not wait.
    """

    def __init__(self, register: DeviceRegister, tell: Callable[[Device, int], object]) -> None:
        self.lost = self.forgotten = 0
        self.problem: str | None = None
        self._register, self._tell = register, tell
        self._waiting: deque[Seen] = deque()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="devices", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def give(self, seen: Seen) -> None:
        """Take what was seen; never waits."""
        if len(self._waiting) >= _MOST_WAITING:
            self.lost += len(seen.sightings)
        else:
            self._waiting.append(seen)

    def stop(self) -> None:
        """Write what waits, and end; the register can still be asked."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def close(self) -> None:
        """Close the register, once nobody asks it any more."""
        self._register.close()

    def step(self) -> None:
        """Write what waits; what a disk refuses goes on waiting."""
        new: list[Device] = []
        try:
            while self._waiting:
                noted = self._register.note(self._waiting[0])
                self._waiting.popleft()
                new += noted.new
                self.forgotten += noted.forgotten
            self.problem = None
        except sqlite3.Error as error:
            if self.problem is None:
                _log.warning("devices cannot be stored: %s", error)
            self.problem = f"devices cannot be stored: {error}"
        for n, device in enumerate(new[:_TOLD_ONE_BY_ONE], 1):
            self._tell(device, max(0, len(new) - n) if n == _TOLD_ONE_BY_ONE else 0)

    def _run(self) -> None:
        while not self._stopping.wait(_REST_S):
            self.step()
        self.step()
