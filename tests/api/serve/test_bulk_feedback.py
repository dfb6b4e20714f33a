"""One verdict on many alerts takes a few turns of the pipeline, not one for each alert."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from api.errors import BusyError, NoAlertError
from api.serve.routes.bulk import BulkFeedbackBody, say_of_many

if TYPE_CHECKING:
    from collections.abc import Callable


class Pipeline:
    """Runs each command at once: it knows no alert, and is busy with those of one identifier."""

    def __init__(self) -> None:
        self.turns = 0

    def submit(self, action: Callable[[Any], Any]) -> Future[Any]:
        """Run it, as the pipeline's thread does in its next turn."""
        self.turns += 1
        done: Future[Any] = Future()
        try:
            done.set_result(action(self))
        except BusyError as error:
            done.set_exception(error)
        return done

    def take_feedback(self, identifier: str, *_said: object, **_more: object) -> None:
        """Refuse."""
        if identifier == "busy":
            raise BusyError("the store is busy")
        raise NoAlertError(identifier)


def codes_of(pipeline: Pipeline, alerts: list[str]) -> list[str]:
    """Say it of some alerts, and return what became of each."""
    service: Any = SimpleNamespace(pipeline=SimpleNamespace(commands=pipeline))
    said = BulkFeedbackBody.model_validate({"verdict": "expected", "alerts": alerts})
    answer = asyncio.run(say_of_many(service, said))
    assert [result.id for result in answer.results] == alerts
    return [result.code for result in answer.results]


def test_many_alerts_take_a_few_turns() -> None:
    pipeline = Pipeline()
    assert codes_of(pipeline, [f"a{n}" for n in range(500)]) == ["not_found"] * 500
    assert pipeline.turns < 100


def test_what_came_before_a_busy_store_is_told_and_the_rest_is_busy() -> None:
    assert codes_of(Pipeline(), ["a", "b", "busy", "c"]) == ["not_found", "not_found", "busy", "busy"]


def test_if_the_first_is_busy_all_of_it_is() -> None:
    with pytest.raises(BusyError):
        codes_of(Pipeline(), ["busy", "a"])
