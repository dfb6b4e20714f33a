"""``/models``: what is kept of the models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.serve.access.needs import needs
from api.state.snapshots import SnapshotStore, info_of

if TYPE_CHECKING:
    from api.service import Service


class SnapshotAnswer(BaseModel):
    """One snapshot of the models."""

    model_config = ConfigDict(from_attributes=True)

    id: int = Field(description="a later one has a higher number")
    ts: int = Field(description="log time at which it was taken, epoch seconds")
    size: int = Field(description="bytes")
    digest: str = Field(description="first digits of its BLAKE2b digest; equal models have equal ones")
    learned: dict[str, int] = Field(description="log kind to records learned")
    problem: str | None = Field(description="what is wrong with its length or header; null if nothing is")


class SnapshotsAnswer(BaseModel):
    """All snapshots, oldest first. `nslabs models restore` puts one back while the service is stopped."""

    snapshots: list[SnapshotAnswer]


def model_routes(service: Service) -> APIRouter:
    """Return the routes under ``/models``."""
    router = APIRouter(prefix="/models", tags=["models"])

    @router.get("/snapshots", dependencies=[needs("read")])
    def snapshots() -> SnapshotsAnswer:
        """List the snapshots of the models: of each hour of the last day of log time, of each day of the last month."""
        stored = SnapshotStore(service.state.snapshots).stored()
        return SnapshotsAnswer(snapshots=[SnapshotAnswer.model_validate(info_of(snapshot)) for snapshot in stored])

    return router
