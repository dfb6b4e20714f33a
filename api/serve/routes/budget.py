"""``/budget``: the alert budget, and the thresholds that follow from it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from api.pipeline.budget import Name, choices_of
from api.serve.access.needs import needs
from api.serve.problems import problem_responses

if TYPE_CHECKING:
    from api.pipeline import Scorer
    from api.pipeline.budget import Choice
    from api.service import Service


class OutlookAnswer(BaseModel):
    """What a budget means for one log kind."""

    model_config = ConfigDict(from_attributes=True)

    budget_per_day: float = Field(description="its share of the site's alerts a day")
    threshold: float = Field(description="decades of evidence from which on records count: 3 is one record in 1,000")
    alerts_per_day: float | None = Field(description="devices that it would have told a day; null below three days")
    days: int = Field(description="days that were counted, the last thirteen at most")
    noisy_devices: int = Field(description="devices with a higher threshold of their own, being told day after day")


class ChoiceAnswer(BaseModel):
    """A budget of the whole site."""

    model_config = ConfigDict(from_attributes=True)

    name: Name
    budget_per_day: float = Field(description="false alerts a day that are accepted")
    alerts_per_day: float | None = Field(description="what its thresholds would have told a day; null below three days")
    kinds: dict[str, OutlookAnswer] = Field(description="by log kind")


class BudgetAnswer(BaseModel):
    """The budget in force between one alert a day less and one more, or only the one that was asked about."""

    choices: list[ChoiceAnswer]


def budget_routes(service: Service) -> APIRouter:
    """Return ``/budget``."""
    router = APIRouter(tags=["models"])

    @router.get("/budget", dependencies=[needs("read")], responses=problem_responses(422, 503))
    async def budget(
        per_day: Annotated[float | None, Query(ge=0, allow_inf_nan=False, description="ask about this budget")] = None,
    ) -> BudgetAnswer:
        """Tell what the alert budget means now: thresholds, and what they would have told on the last days."""

        def action(scorer: Scorer) -> tuple[Choice, ...]:
            return choices_of(scorer.engine, per_day)

        found = await asyncio.wrap_future(service.pipeline.commands.submit(action))
        return BudgetAnswer(choices=[ChoiceAnswer.model_validate(choice) for choice in found])

    return router
