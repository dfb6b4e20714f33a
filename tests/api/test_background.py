"""What is made in the background comes in its order, holds up nobody, and ends when nobody wants it any more."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from api.pipeline.background import Background
from api.pipeline.clock import Clock
from api.pipeline.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_all_items_come_in_their_order() -> None:
    assert [item for item in Background(lambda: range(100), 3).items() if item is not None] == list(range(100))


def test_whoever_asks_does_not_wait() -> None:
    gate = threading.Event()

    def slow() -> Iterator[str]:
        gate.wait(60)
        yield "late"

    items = Background(slow, 1).items()
    assert [next(items) for _ in range(3)] == [None, None, None]
    gate.set()
    assert [item for item in items if item] == ["late"]


def test_an_error_comes_where_its_item_would_have_come() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    items = Background(broken, 5).items()
    with pytest.raises(OSError, match="gone"):
        assert [item for item in items if item is not None] == [1]


def test_after_close_nothing_more_is_made() -> None:
    made: list[int] = []
    ended = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                made.append(1)
                yield 1
        finally:
            ended.set()

    background = Background(endless, 2)
    items = background.items()
    while next(items) is None:
        pass
    background.close()
    assert ended.wait(60)
    assert len(made) <= 8
    assert list(items) == []


def test_what_takes_too_long_is_named() -> None:
    now = 0.0
    watchdog = Watchdog(Clock(monotonic=lambda: now))
    with watchdog.doing("training"):
        now = 4.0
        assert watchdog.blocked() is None
        now = 65.0
        assert watchdog.blocked() == "the pipeline is blocked for 65 s in training"
    assert watchdog.blocked() is None
