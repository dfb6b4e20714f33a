"""The bounded queue from the asyncio loop to the pipeline thread: requests that need the models."""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from api.errors import BusyError, NotReadyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.pipeline.scoring import Scorer

T = TypeVar("T")


class CommandQueue:
    """Requests wait here until the pipeline thread is between two batches; a full queue refuses at once."""

    def __init__(self, capacity: int) -> None:
        self._waiting: queue.Queue[tuple[Callable[[Scorer], Any], Future[Any]]] = queue.Queue(capacity)
        self._lock = threading.Lock()
        self._closed: str | None = None

    def __len__(self) -> int:
        return self._waiting.qsize()

    def submit(self, action: Callable[[Scorer], T]) -> Future[T]:
        """Have the pipeline thread run `action`; its result or exception arrives in the future.

        Raises
        ------
        BusyError
            If the queue is full.
        NotReadyError
            If the pipeline has stopped or failed.
        """
        future: Future[T] = Future()
        with self._lock:
            if self._closed:
                raise NotReadyError(self._closed)
            try:
                self._waiting.put_nowait((action, future))
            except queue.Full:
                raise BusyError("too many requests are waiting for the models; try again in a second") from None
        return future

    def serve_one(self, scorer: Scorer) -> bool:
        """Run the oldest command, if there is one. Called by the pipeline thread."""
        try:
            action, future = self._waiting.get_nowait()
        except queue.Empty:
            return False
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(action(scorer))
            except Exception as error:  # noqa: BLE001 - the requester gets it, whatever it is
                future.set_exception(error)
        return True

    def close(self, reason: str) -> None:
        """Refuse further commands, and those that wait."""
        with self._lock:
            self._closed = reason
        while not self._waiting.empty():
            _, future = self._waiting.get_nowait()
            if future.set_running_or_notify_cancel():
                future.set_exception(NotReadyError(reason))
