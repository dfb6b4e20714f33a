"""Makes items in a thread of its own for a reader that must never wait for one."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")


class Background(Generic[T]):
    """At most `ahead` items are made and wait; then the thread that makes them does.

    The thread ends with the process: what it makes may take long, and nobody waits for it.
    """

    def __init__(self, make: Callable[[], Iterable[T]], ahead: int) -> None:
        self._make = make
        self._made: queue.Queue[T] = queue.Queue(ahead)
        self._finished = threading.Event()
        self._closed = threading.Event()
        self._error: BaseException | None = None

    def items(self) -> Iterator[T | None]:
        """Yield each item in its order, and None whenever the next is not made yet; raise what making it raised."""
        threading.Thread(target=self._run, name="decode-upload", daemon=True).start()
        while not self._closed.is_set():
            finished = self._finished.is_set()  # asked first: what is put before the end is found after it
            try:
                yield self._made.get_nowait()
            except queue.Empty:
                if finished:
                    break
                yield None
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Have the thread end with the item that it is making; that is thrown away."""
        self._closed.set()
        while not self._made.empty():
            self._made.get_nowait()

    def _run(self) -> None:
        try:
            for item in self._make():
                if self._closed.is_set():
                    return
                self._made.put(item)
        except BaseException as error:  # noqa: BLE001 - whoever reads the items gets it
            self._error = error
        finally:
            self._finished.set()
