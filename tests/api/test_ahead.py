"""Reading ahead: nothing is lost, reordered or hidden, and no more than one item is made ahead."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from api.pipeline.ahead import read_ahead

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_items_come_in_order_and_what_is_false_or_none_comes_too() -> None:
    items = [0, None, "", 3, None]
    assert list(read_ahead(items)) == items
    assert list(read_ahead([])) == []


def test_the_next_item_is_made_while_one_is_worked_on() -> None:
    begun = [threading.Event() for _ in range(4)]

    def items() -> Iterator[int]:
        for number, event in enumerate(begun):
            event.set()
            yield number

    for number in read_ahead(items()):
        if number + 1 < len(begun):
            assert begun[number + 1].wait(10.0)
        assert not any(event.is_set() for event in begun[number + 2 :])


def test_an_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    found = read_ahead(items())
    assert next(found) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(found)


def test_a_reader_that_stops_leaves_no_thread() -> None:
    before = threading.active_count()
    found = read_ahead(iter(range(100)))
    assert next(found) == 0
    assert isinstance(found, type(_ for _ in ()))
    found.close()
    assert threading.active_count() == before
