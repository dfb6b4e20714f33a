"""Requests on their way to the pipeline thread: a full queue refuses at once, and none is left unanswered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from api.errors import BusyError, NotReadyError
from api.pipeline import CommandQueue, Scorer
from api.serve.stream import Hub, StreamLimits
from api.state.store import AlertWriter
from online_models.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def scorer(tmp_path: Path) -> Iterator[Scorer]:
    writer = AlertWriter(tmp_path / "alerts.sqlite3")
    yield Scorer(Engine(), writer, Hub(StreamLimits()))
    writer.close()


def test_commands_run_in_order_with_the_models(scorer: Scorer) -> None:
    commands = CommandQueue(4)
    futures = [commands.submit(lambda given, number=number: (given, number)) for number in range(3)]
    assert [commands.serve_one(scorer) for _ in range(4)] == [True, True, True, False]
    assert [future.result(0) for future in futures] == [(scorer, 0), (scorer, 1), (scorer, 2)]


def test_a_full_queue_refuses_and_recovers(scorer: Scorer) -> None:
    commands = CommandQueue(1)
    commands.submit(lambda _: None)
    with pytest.raises(BusyError, match="try again"):
        commands.submit(lambda _: None)
    commands.serve_one(scorer)
    commands.submit(lambda _: None)


def test_what_a_command_raises_goes_to_its_requester_alone(scorer: Scorer) -> None:
    commands = CommandQueue(2)
    wrong = commands.submit(lambda _: 1 / 0)
    right = commands.submit(lambda _: 1)
    assert commands.serve_one(scorer)
    assert commands.serve_one(scorer)
    with pytest.raises(ZeroDivisionError):
        wrong.result(0)
    assert right.result(0) == 1


def test_a_cancelled_command_is_not_run(scorer: Scorer) -> None:
    ran: list[int] = []
    commands = CommandQueue(2)
    commands.submit(lambda _: ran.append(1)).cancel()
    assert commands.serve_one(scorer)
    assert ran == []


def test_closing_answers_those_that_wait_and_those_that_come() -> None:
    commands = CommandQueue(2)
    waiting = commands.submit(lambda _: None)
    commands.close("the service has stopped")
    with pytest.raises(NotReadyError, match="stopped"):
        waiting.result(0)
    with pytest.raises(NotReadyError, match="stopped"):
        commands.submit(lambda _: None)
