"""``/devices``: what is known of each device, and what people say of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api.devices.naming import Kind
from api.serve.access.needs import needs
from api.serve.access.principal import visit_of
from api.serve.problems import ProblemError, problem_responses
from api.serve.routes.alerts import alert_answers
from api.serve.routes.decisions import LOCAL
from api.serve.routes.device_answers import (
    DeviceAnswer,
    DeviceBody,
    DeviceDetailAnswer,
    DevicesAnswer,
    MergeBody,
    RegroupedAnswer,
    SplitBody,
    device_answer,
)
from api.serve.routes.filters import Cursor
from api.serve.routes.times import Since
from api.serve.stream.device_events import CHANGED, regrouped_devices
from api.state.devices.grouping import Act
from api.state.devices.reader import DeviceQuery, DeviceReader
from prevention.policy import TAG

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.service import Service
    from api.state.devices.grouping import Regrouped
    from api.state.devices.register import DeviceRegister

_MAC = "^(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$"


class DeviceFilter(BaseModel):
    """Which devices are wanted."""

    model_config = ConfigDict(extra="forbid")

    q: str | None = Field(
        default=None,
        max_length=200,
        description="only devices whose label, host name, addresses or MACs hold this text, in capitals or not",
        examples=["camera"],
    )
    address: str | None = Field(
        default=None, max_length=64, description="only who has, or had, this address", examples=["192.168.1.23"]
    )
    mac: str | None = Field(
        default=None,
        pattern=_MAC,
        description="only who has, or had, this MAC",
        examples=["02:00:00:00:00:17"],
    )
    tag: str | None = Field(default=None, pattern=TAG, examples=["outdoors"])
    kind: Kind | None = Field(default=None, description="only what is probably of this kind")
    critical: bool | None = Field(default=None, description="only critical devices, or only the others")
    since: Since = None
    limit: int = Field(default=100, ge=1, le=1000)
    cursor: Cursor = None

    def query(self) -> DeviceQuery:
        """Return the store's form of it."""
        mac = self.mac.lower() if self.mac else None
        return DeviceQuery(
            self.q, self.address, mac, self.tag, self.kind, self.critical, self.since, self.limit, self.cursor
        )


_REGROUPED: Final = problem_responses(400, 404, 408, 409, 413, 422, 503)


def device_routes(service: Service, register: DeviceRegister) -> APIRouter:
    """Return the routes under ``/devices``."""
    router = APIRouter(prefix="/devices", tags=["devices"])
    reader = DeviceReader(register.path)

    @router.get("", dependencies=[needs("read")], responses=problem_responses(422, 503))
    def devices(wanted: Annotated[DeviceFilter, Query()]) -> DevicesAnswer:
        """List the devices that were seen, those first seen last first; `since` is when they were first seen."""
        page = reader.page(wanted.query())
        return DevicesAnswer(devices=[device_answer(one) for one in page.devices], next_cursor=page.next_cursor)

    @router.get("/{device_id}", dependencies=[needs("read")], responses=problem_responses(404, 503))
    def device(device_id: str) -> DeviceDetailAnswer:
        """Return one device with its open alerts."""
        found = reader.get(device_id)
        if found is None:
            raise ProblemError(404, "not_found", "no device of this identifier")
        alerts = alert_answers(service, reader.open_alerts(device_id))
        return DeviceDetailAnswer(**dict(device_answer(found)), alerts=alerts)

    @router.patch("/{device_id}", dependencies=[needs("respond")], responses=problem_responses(400, 404, 413, 422, 503))
    def say(request: Request, device_id: str, said: DeviceBody) -> DeviceAnswer:
        """Say what a device is called, what it is, and whether it is so critical that it is never blocked."""
        changes = said.model_dump(exclude_unset=True)
        changed = register.say(device_id, changes)
        visit_of(request.scope).object = f"{device_id}: {', '.join(sorted(changes)) or 'nothing'}"
        return device_answer(changed)

    async def regrouped(request: Request, object_: str, change: Callable[[Act], Regrouped]) -> RegroupedAnswer:
        visit = visit_of(request.scope)
        visit.object = object_
        author, at = visit.principal.name or LOCAL, service.clock.wall()
        submitted = service.pipeline.commands.submit(
            lambda scorer: scorer.regroup(lambda records: change(Act(author, at, records)))
        )
        done = await asyncio.wrap_future(submitted)
        found = await asyncio.to_thread(lambda: [device for one in done.devices if (device := register.get(one))])
        service.hub.happenings.tell("device", regrouped_devices(done, found, author))
        undone = CHANGED[done.undone] if done.undone else None
        told = {"change": CHANGED[done.what], "undone": undone, "devices": [device_answer(one) for one in found]}
        return RegroupedAnswer.model_validate(told)

    @router.post("/{device_id}/merge", dependencies=[needs("respond")], responses=_REGROUPED)
    async def merge(request: Request, device_id: str, said: MergeBody) -> RegroupedAnswer:
        """Make two devices one: the older stays, with what was learned of it, and nothing is learned anew.

        Identifiers of both lead to it from now on, and it has the addresses, alerts, tags and notes of both.
        """
        about = f"{device_id}: {said.device}"
        return await regrouped(request, about, lambda act: register.merge(device_id, said.device, act))

    @router.post("/{device_id}/split", dependencies=[needs("respond")], responses=_REGROUPED)
    async def split(request: Request, device_id: str, said: SplitBody) -> RegroupedAnswer:
        """Make what has an address a device of its own, whatever MACs and leases say of it.

        What came by a merge goes on with what was learned of it before; else it is new, and so young.
        """
        about = f"{device_id}: {said.address}"
        return await regrouped(request, about, lambda act: register.split(device_id, said.address, act))

    @router.post("/{device_id}/undo", dependencies=[needs("respond")], responses=_REGROUPED)
    async def undo(request: Request, device_id: str) -> RegroupedAnswer:
        """Take back the last merge or split of a device; again, the one before."""
        return await regrouped(request, device_id, lambda act: register.undo(device_id, act))

    return router
