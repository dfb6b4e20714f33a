"""One verdict on several alerts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.errors import AnsweredError, BusyError, NoAlertError
from api.serve.routes.answers import FeedbackBody

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.pipeline import Scorer
    from api.service import Service
    from online_models.types import Alert


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
    """Say it of one alert after the other: live records go in between.

    Raises
    ------
    BusyError
        It could be said of none, as the models or the store are busy.
    """
    results: list[BulkResult] = []
    for identifier in said.alerts:
        try:
            await asyncio.wrap_future(service.pipeline.commands.submit(saying(identifier, said)))
            results.append(BulkResult(id=identifier, code="done", detail=None))
        except NoAlertError as error:
            results.append(BulkResult(id=identifier, code="not_found", detail=str(error)))
        except AnsweredError as error:
            results.append(BulkResult(id=identifier, code="answered", detail=str(error)))
        except BusyError as error:
            if not results:
                raise
            results.append(BulkResult(id=identifier, code="busy", detail=str(error)))
    return BulkFeedbackAnswer(results=results)


def saying(identifier: str, said: FeedbackBody) -> Callable[[Scorer], Alert]:
    """Return what the pipeline's thread does to say it of one alert."""
    return lambda scorer: scorer.take_feedback(identifier, said.verdict, said.comment, revise=said.revise)
