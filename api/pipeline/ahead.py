"""Reads ahead: what comes next is made in a thread of its own while what came is worked on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")


def read_ahead(items: Iterable[T]) -> Iterator[T]:
    """Yield the same items in the same order; the one after the last that was yielded is being made, or waits.

    What `items` raises is raised where its next item would have come. When the reader stops early, the item that is
    being made is finished first.

    Examples
    --------
    >>> list(read_ahead(range(3)))
    [0, 1, 2]
    """
    source = iter(items)
    with ThreadPoolExecutor(1, "read-ahead") as pool:
        coming = pool.submit(_next, source)
        while found := coming.result():
            coming = pool.submit(_next, source)
            yield found[0]


def _next(source: Iterator[T]) -> tuple[T] | None:
    """Return the next item in a tuple, or None at the end."""
    for item in source:
        return (item,)
    return None
