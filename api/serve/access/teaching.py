"""The one switch that keeps requests from teaching the models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import Depends

from api.serve.problems import ProblemError

if TYPE_CHECKING:
    from api.service import Service


def refuse_teaching(service: Service) -> None:
    """Raise a 403 where requests may not teach the models."""
    if not service.access.teaching:
        raise ProblemError(
            403, "teaching_off", "training, learning and feedback over HTTP are switched off (teaching = false)"
        )


def teaching(service: Service) -> Any:
    """Return the dependency of a route that teaches the models."""

    async def refused() -> None:  # no coroutine would go through a thread
        refuse_teaching(service)

    return Depends(refused)
