"""``/maintenance``: spans of time in which some devices neither alert nor are learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool

from api.maintenance.window import TAG, Phase, Scope, scope_of
from api.serve.access.needs import needs
from api.serve.access.principal import visit_of
from api.serve.problems import problem_responses
from api.serve.routes.decisions import LOCAL
from api.serve.routes.filters import Cursor
from api.serve.routes.rule_forms import Device
from api.serve.routes.times import Coming, ComingOrNow
from api.state.store.cursor import decode_cursor, encode_cursor

if TYPE_CHECKING:
    from api.maintenance.window import Window
    from api.state.windows import WindowStore

MOST_NAMED: Final = 256
"""Devices, and tags, of one window: each is compared with every device that has records meanwhile."""


def _distinct(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))


class NewWindow(BaseModel):
    """Whose records neither alert nor teach, from when until when, and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "oneOf": [
                {
                    "anyOf": [
                        {"required": [name], "properties": {name: {"minItems": 1}}} for name in ("devices", "tags")
                    ],
                    "properties": {"everything": {"const": False}},
                },
                {
                    "required": ["everything"],
                    "properties": {"everything": {"const": True}, "devices": {"maxItems": 0}, "tags": {"maxItems": 0}},
                },
            ]
        },
    )

    everything: StrictBool = Field(default=False, description="all devices; nothing else is named then")
    devices: Annotated[list[Device], AfterValidator(_distinct)] = Field(
        default_factory=list,
        max_length=MOST_NAMED,
        description="addresses, networks, MACs",
        examples=[["192.168.1.23", "192.168.7.0/24"]],
    )
    tags: Annotated[list[Annotated[str, Field(pattern=TAG)]], AfterValidator(_distinct)] = Field(
        default_factory=list, max_length=MOST_NAMED, description="devices that people have tagged so"
    )
    begins_at: ComingOrNow = Field(
        default=None, description="epoch seconds, ISO 8601, or 2h from now; null, and what has passed, is now"
    )
    ends_at: Coming = Field(
        description="the same; this moment itself is not in it; 30 days after the beginning at most", examples=["2h"]
    )
    reason: str = Field(min_length=1, max_length=1000, pattern=r"\S", examples=["the cameras get new firmware"])

    def scope(self) -> Scope:
        """Return what it names; raises `WindowError` if that is wrong."""
        return scope_of(Scope(self.everything, tuple(self.devices), tuple(self.tags)))


class WindowAnswer(BaseModel):
    """One window. Times are epoch seconds; records are in it by their own times."""

    id: str = Field(examples=["m-0123456789ab"])
    everything: bool
    devices: list[str] = Field(examples=[["192.168.1.23"]])
    tags: list[str] = Field(examples=[["outdoors"]])
    begins_at: float
    ends_at: float
    phase: Phase = Field(description="planned, begun, or ended; it is forgotten 30 days later")
    reason: str
    author: str = Field(description="name of the token, or local", examples=["local"])
    created_at: float


class WindowsAnswer(BaseModel):
    """One page of windows, those made last first."""

    windows: list[WindowAnswer]
    next_cursor: str | None = Field(description="hand it back as `cursor` for the next page; null after the last")


class WindowFilter(BaseModel):
    """Which windows are wanted."""

    model_config = ConfigDict(extra="forbid")

    phase: Phase | None = Field(default=None, description="only these")
    limit: int = Field(default=100, ge=1, le=1000)
    cursor: Cursor = None


def window_answer(window: Window, now: float) -> WindowAnswer:
    """Return a window as everybody is told it."""
    return WindowAnswer(
        id=window.id,
        everything=window.scope.everything,
        devices=list(window.scope.devices),
        tags=list(window.scope.tags),
        begins_at=window.begins_at,
        ends_at=window.ends_at,
        phase=window.phase(now),
        reason=window.reason,
        author=window.author,
        created_at=window.created_at,
    )


def maintenance_routes(windows: WindowStore) -> APIRouter:
    """Return the routes under ``/maintenance``."""
    router = APIRouter(prefix="/maintenance", tags=["alerts"])

    @router.get("", dependencies=[needs("read")], responses=problem_responses(422))
    def every(wanted: Annotated[WindowFilter, Query()]) -> WindowsAnswer:
        """List the windows, those made last first."""
        before, now = decode_cursor(wanted.cursor) if wanted.cursor else None, windows.now()
        ordered = sorted(windows.windows, key=_place, reverse=True)
        found = [one for one in ordered if wanted.phase in {None, one.phase(now)}]
        found = [one for one in found if before is None or _place(one) < before]
        page = found[: wanted.limit]
        more = encode_cursor(*_place(page[-1])) if len(found) > wanted.limit else None
        return WindowsAnswer(windows=[window_answer(one, now) for one in page], next_cursor=more)

    @router.post(
        "", status_code=201, dependencies=[needs("respond")], responses=problem_responses(400, 408, 409, 413, 422, 503)
    )
    def create(request: Request, wanted: NewWindow) -> WindowAnswer:
        """Have records of a time to come scored, and neither alert nor be learned."""
        visit = visit_of(request.scope)
        span = wanted.begins_at, wanted.ends_at
        made = windows.add(wanted.scope(), span, wanted.reason, visit.principal.name or LOCAL)
        visit.object = _told(made)
        return window_answer(made, windows.now())

    @router.delete("/{window_id}", dependencies=[needs("respond")], responses=problem_responses(404, 409, 503))
    def end(request: Request, window_id: str) -> WindowAnswer:
        """End a window now, or take back one that has not begun."""
        ended = windows.end(window_id)
        visit_of(request.scope).object = _told(ended)
        return window_answer(ended, windows.now())

    return router


def _place(window: Window) -> tuple[float, str]:
    return window.created_at, window.id


def _told(window: Window) -> str:
    """Return a window as the audit log shows it."""
    scope = window.scope
    named = "everything" if scope.everything else ", ".join((*scope.devices, *(f"tag {tag}" for tag in scope.tags)))
    return f"{window.id}: {named}: {window.begins_at:.0f} to {window.ends_at:.0f}: {window.reason}"
