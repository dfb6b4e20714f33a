"""``/decisions``: what is blocked and why, and what a person does about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api.serve.access.needs import needs
from api.serve.access.principal import visit_of
from api.serve.problems import problem_responses
from api.serve.routes.decision_answers import (
    ChangeAnswer,
    DecisionAnswer,
    DecisionsAnswer,
    ExplainAnswer,
    FlushAnswer,
    ProtectedAnswer,
    StandingAnswer,
    decision_answer,
)
from api.serve.routes.filters import Cursor
from api.serve.routes.target_forms import Device, Domain, What, target_forms
from api.state.store.cursor import decode_cursor, encode_cursor
from prevention.decider import Request as Asked
from prevention.decisions import State
from prevention.explain import explained
from prevention.policy.hours import Duration
from prevention.store import Filter
from prevention.targets import Action, Kind, target_of

if TYPE_CHECKING:
    from api.decisions import Prevention
    from prevention.decider import Decider

LOCAL = "local"
"""Who asks, where nobody has to say who he is: the service then answers on loopback only."""


class DecisionFilter(BaseModel):
    """Which decisions are wanted."""

    model_config = ConfigDict(extra="forbid")

    state: list[State] = Field(default_factory=list, description="only in these states; may be repeated")
    device: str | None = Field(default=None, max_length=64, description="only of this device: MAC, or address")
    alert: str | None = Field(default=None, max_length=200, description="only of this alert")
    limit: int = Field(default=100, ge=1, le=1000)
    cursor: Cursor = None


class NewDecision(BaseModel):
    """What a person wants blocked."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=target_forms())

    kind: Kind = Field(description="device, peer, pair of both, or domain", examples=["pair"])
    device: Device = Field(default="", description="MAC or address", examples=["192.168.1.23"])
    peer: Device = Field(default="", description="address or prefix", examples=["203.0.113.7"])
    domain: Domain = Field(default="", examples=[""])
    action: Action = "block"
    ttl: Duration = Field(description="how long, in seconds or as 10m, 24h, 7d", examples=["10m"])
    reason: str = Field(default="", max_length=1000, examples=["seen at the console"])


class Extension(BaseModel):
    """When a block is to end."""

    model_config = ConfigDict(extra="forbid")

    ttl: Duration = Field(description="from now on, in seconds or as 10m, 24h, 7d", examples=["1h"])
    reason: str = Field(default="", max_length=1000)


class Why(BaseModel):
    """Why something is taken back."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(default="revoked", min_length=1, max_length=1000)


Key = Annotated[str, Header(alias="Idempotency-Key", max_length=200, description="makes a repeated request the same")]


def actor(request: Request) -> str:
    """Return who asks: the name of a token, where there are tokens."""
    return visit_of(request.scope).principal.name or LOCAL


def decision_routes(prevention: Prevention) -> APIRouter:
    """Return the routes under ``/decisions`` that people use."""
    router = APIRouter(prefix="/decisions", tags=["decisions"])
    _read(router, prevention.decider)
    _create(router, prevention)
    _all_at_once(router, prevention.decider)
    _one(router, prevention.decider)
    return router


def _read(router: APIRouter, decider: Decider) -> None:

    @router.get("", dependencies=[needs("read")], responses=problem_responses(422))
    def decisions(wanted: Annotated[DecisionFilter, Query()]) -> DecisionsAnswer:
        """List decisions, those made last first."""
        found = decider.store.find(
            Filter(
                states=tuple(wanted.state) or None,
                alert=wanted.alert,
                device=wanted.device,
                before=decode_cursor(wanted.cursor) if wanted.cursor else None,
                limit=wanted.limit + 1,
            )
        )
        page = found[: wanted.limit]
        more = encode_cursor(page[-1].made_at, page[-1].id) if len(found) > wanted.limit else None
        return DecisionsAnswer(decisions=[decision_answer(one) for one in page], next_cursor=more)

    @router.get("/protected", dependencies=[needs("read")])
    def protected() -> ProtectedAnswer:
        """List what is never blocked, and why."""
        return ProtectedAnswer.of(decider.protection.entries())

    @router.get("/explain", dependencies=[needs("read")], responses=problem_responses(422))
    def explain(what: Annotated[What, Query(examples=["192.168.1.23"])]) -> ExplainAnswer:
        """Say whether an address, prefix, MAC or domain is blocked, by what, or why it never would be."""
        return ExplainAnswer.of(what, explained(decider, what))


def _create(router: APIRouter, prevention: Prevention) -> None:
    @router.post("", dependencies=[needs("respond")], status_code=201, responses=problem_responses(400, 409, 413, 422))
    def create(request: Request, body: NewDecision, key: Key = "") -> DecisionAnswer:
        """Block something now; it is suggested only if that would be too much at a time.

        A device that is named by an address is known by its MAC in the answer, where that is known.
        """
        target = target_of(body.kind, body.device, body.peer, body.domain)
        asked = Asked(target, body.action, body.ttl, actor(request), body.reason, key)
        return decision_answer(prevention.request(asked))


def _all_at_once(router: APIRouter, decider: Decider) -> None:
    @router.post("/flush", dependencies=[needs("respond")])
    def flush(request: Request) -> FlushAnswer:
        """Take everything back, everywhere, and only observe until `resume`."""
        return FlushAnswer(revoked=decider.flush(actor(request)), flushed=True)

    @router.post("/resume", dependencies=[needs("respond")])
    def resume(request: Request) -> FlushAnswer:
        """Let the policy's modes hold again."""
        decider.resume(actor(request))
        return FlushAnswer(revoked=0, flushed=False)

    @router.get("/state", dependencies=[needs("read")])
    def state() -> StandingAnswer:
        """Say in which mode prevention is, and how many decisions are in which state."""
        counts = decider.store.counts()
        return StandingAnswer(mode=decider.policy.mode, flushed=decider.is_flushed, decisions=counts)


def _one(router: APIRouter, decider: Decider) -> None:
    @router.get("/{decision_id}", dependencies=[needs("read")], responses=problem_responses(404))
    def decision(decision_id: str) -> DecisionAnswer:
        """Return one decision, with every change of its state."""
        found = decider.store.get(decision_id)
        changes = [ChangeAnswer.model_validate(change) for change in decider.store.history(decision_id)]
        return decision_answer(found).model_copy(update={"history": changes})

    @router.post("/{decision_id}/confirm", dependencies=[needs("respond")], responses=problem_responses(404, 409))
    def confirm(request: Request, decision_id: str) -> DecisionAnswer:
        """Carry out what is suggested or was only observed."""
        return decision_answer(decider.confirm(decision_id, actor(request)))

    @router.post(
        "/{decision_id}/extend", dependencies=[needs("respond")], responses=problem_responses(400, 404, 409, 413, 422)
    )
    def extend(request: Request, decision_id: str, body: Extension) -> DecisionAnswer:
        """Have a block end so long from now; that may be sooner than before."""
        return decision_answer(decider.extend(decision_id, body.ttl, actor(request), body.reason))

    @router.post(
        "/{decision_id}/revoke", dependencies=[needs("respond")], responses=problem_responses(400, 404, 409, 413, 422)
    )
    def revoke(request: Request, decision_id: str, body: Why | None = None) -> DecisionAnswer:
        """Take a decision back, everywhere; it is not decided again for a day."""
        return decision_answer(decider.revoke(decision_id, actor(request), (body or Why()).reason))
