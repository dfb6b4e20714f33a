"""One verdict on several alerts."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.errors import AnsweredError, BusyError, NoAlertError
from api.serve.routes.answers import FeedbackBody

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from api.pipeline import Scorer
    from api.service import Service
    from online_models.types import Alert


_SLICE_S: Final = 0.05
"""For which live records wait at a time; a turn of the pipeline costs up to a third of that by itself."""


class BulkFeedbackBody(FeedbackBody):
    """What a person says of several alerts."""

    alerts: list[Annotated[str, StringConstraints(min_length=1, max_length=100)]] = Field(
        min_length=1, max_length=500, description="their identifiers", examples=[["2f1c9a7be0d14c55"]]
    )


class BulkResult(BaseModel):
    """What became of one of them."""

    model_config = ConfigDict(extra="forbid")

    id: str
    code: Literal["done", "not_found", "answered", "busy"] = Field(
        description="done: it has this verdict now; answered: it has the other one, and `revise` was not given;"
        " busy: say it again later"
    )
    detail: str | None = Field(description="for people; null if it was done")


class BulkFeedbackAnswer(BaseModel):
    """What became of each, in the order of the request."""

    results: list[BulkResult]


async def say_of_many(service: Service, said: BulkFeedbackBody) -> BulkFeedbackAnswer:
    """Say it of one alert after the other, some at a time: live records go in between.

    Raises
    ------
    BusyError
        It could be said of none, as the models or the store are busy.
    """
    results: list[BulkResult] = []
    while waiting := said.alerts[len(results) :]:
        try:
            results += await asyncio.wrap_future(service.pipeline.commands.submit(_saying_of_some(waiting, said)))
        except BusyError as error:
            if not results:
                raise
            results += [BulkResult(id=identifier, code="busy", detail=str(error)) for identifier in waiting]
    return BulkFeedbackAnswer(results=results)


def _saying_of_some(identifiers: Sequence[str], said: FeedbackBody) -> Callable[[Scorer], list[BulkResult]]:
    """Return what the pipeline's thread does to say it of the first of some alerts, for as long as live records wait.

    It raises BusyError if it could not be said of the very first.
    """

    def say(scorer: Scorer) -> list[BulkResult]:
        until, results = monotonic() + _SLICE_S, [_result(scorer, identifiers[0], said)]
        with suppress(BusyError):
            for identifier in identifiers[1:]:
                if monotonic() >= until:
                    break
                results.append(_result(scorer, identifier, said))
        return results

    return say


def _result(scorer: Scorer, identifier: str, said: FeedbackBody) -> BulkResult:
    try:
        saying(identifier, said)(scorer)
    except NoAlertError as error:
        return BulkResult(id=identifier, code="not_found", detail=str(error))
    except AnsweredError as error:
        return BulkResult(id=identifier, code="answered", detail=str(error))
    return BulkResult(id=identifier, code="done", detail=None)


def saying(identifier: str, said: FeedbackBody) -> Callable[[Scorer], Alert]:
    """Return what the pipeline's thread does to say it of one alert."""
    return lambda scorer: scorer.take_feedback(identifier, said.verdict, said.comment, revise=said.revise)
