"""``/rules``: what is muted, by whom and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from api.mutes.rule import CONDITIONS, Conditions, conditions_of
from api.serve.access.needs import needs
from api.serve.access.principal import visit_of
from api.serve.problems import problem_responses
from api.serve.routes.decisions import LOCAL
from api.serve.routes.filters import Cursor
from api.serve.routes.rule_forms import Behaviour, Device, Domain, Hours, Lasting, Peer, Service, at_least_one
from api.state.preview import PREVIEW_DAYS, preview
from api.state.store.cursor import decode_cursor, encode_cursor
from online_models.types import Severity

if TYPE_CHECKING:
    from api.mutes.rule import Rule
    from api.service import Service as Running
    from api.state.rules import RuleStore

_WEEK_S = 7 * 86_400.0
DryRun = Annotated[
    bool, Query(description="only say what it would have hidden of the last 30 days, and of what is open")
]


class NewRule(BaseModel):
    """Which alerts are to be hidden: those for which all that is given holds."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=at_least_one(CONDITIONS))

    device: Device = Field(
        default_factory=str, description="address, network or MAC of the device", examples=["192.168.1.23"]
    )
    behaviour: Behaviour = Field(default_factory=str, description="what it does", examples=["new-peer"])
    peer: Peer = Field(
        default_factory=str, description="address or network that holds all its peers", examples=["203.0.113.0/24"]
    )
    domain: Domain = Field(
        default_factory=str,
        description="domain that the alert is about; *.example.org is that one and all below it",
        examples=["*.example.org"],
    )
    service: Service = Field(
        default_factory=str, description="as conn alerts name what they are about", examples=["tcp/443"]
    )
    hours: Hours = Field(
        default_factory=str, description="local time within which all of it happened", examples=["22:00-06:00"]
    )
    reason: str = Field(min_length=1, max_length=1000, pattern=r"\S", examples=["the new backup server"])
    ttl: Lasting = Field(
        default=_WEEK_S, description="how long, in seconds or as 10m, 24h, 7d; never for no end", examples=["7d"]
    )

    def conditions(self) -> Conditions:
        """Return what it names; raises `RuleError` if that is wrong."""
        return conditions_of(Conditions(**{name: getattr(self, name) for name in CONDITIONS}))


class RuleAnswer(BaseModel):
    """One rule. Times are wall clock, epoch seconds, but for `last_hit`."""

    id: str = Field(examples=["r-0123456789ab"])
    device: str | None = Field(examples=["192.168.1.23"])
    behaviour: str | None
    peer: str | None
    domain: str | None
    service: str | None
    hours: str | None
    reason: str
    author: str = Field(description="name of the token, local, or file and its name", examples=["local"])
    source: str | None = Field(description="path and line, if it stands in a file; only there it can be removed")
    created_at: float
    expires_at: float | None = Field(description="null for never")
    in_force: bool = Field(description="false once it has expired; it is forgotten 30 days later")
    hits: int = Field(description="alerts that it hides, or hid until they closed")
    last_hit: float | None = Field(description="log time of the last record of these; null as long as there are none")


class RulesAnswer(BaseModel):
    """One page of rules, newest first."""

    rules: list[RuleAnswer]
    next_cursor: str | None = Field(description="hand it back as `cursor` for the next page; null after the last")


class PreviewAnswer(BaseModel):
    """What a rule would have hidden."""

    days: int = Field(description="so far back, from now on", examples=[PREVIEW_DAYS])
    alerts: int = Field(description="alerts that were raised since then and match")
    by_severity: dict[Severity, int] = Field(examples=[{"low": 3, "medium": 1, "high": 0, "critical": 0}])


class RuleFilter(BaseModel):
    """Which rules are wanted."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=100, ge=1, le=1000)
    cursor: Cursor = None


def rule_routes(service: Running, rules: RuleStore) -> APIRouter:
    """Return the routes under ``/rules``."""
    router = APIRouter(prefix="/rules", tags=["alerts"])

    def answer(rule: Rule, hits: dict[str, tuple[int, float]]) -> RuleAnswer:
        conditions = {name: getattr(rule.conditions, name) or None for name in CONDITIONS}
        count, last_hit = hits.get(rule.id, (0, None))
        return RuleAnswer(
            **conditions, id=rule.id, reason=rule.reason, author=rule.author, source=rule.source or None,
            created_at=rule.created_at, expires_at=rule.expires_at, in_force=rule.holds(rules.now()), hits=count,
            last_hit=last_hit,
        )  # fmt: skip

    @router.get("", dependencies=[needs("read")], responses=problem_responses(422))
    def every(wanted: Annotated[RuleFilter, Query()]) -> RulesAnswer:
        """List the rules that mute alerts, those made last first."""
        before = decode_cursor(wanted.cursor) if wanted.cursor else None
        ordered = sorted(rules.rules, key=_place, reverse=True)
        found = [rule for rule in ordered if before is None or _place(rule) < before]
        page, hits = found[: wanted.limit], service.alerts.hits()
        more = encode_cursor(*_place(page[-1])) if len(found) > wanted.limit else None
        return RulesAnswer(rules=[answer(rule, hits) for rule in page], next_cursor=more)

    described: dict[int | str, dict[str, Any]] = {
        200: {"model": PreviewAnswer, "description": "with dry_run: what it would have hidden; nothing is kept"},
        **problem_responses(400, 409, 413, 422, 503),
    }

    @router.post("", status_code=201, dependencies=[needs("respond")], responses=described, response_model=RuleAnswer)
    def create(request: Request, wanted: NewRule, *, dry_run: DryRun = False) -> RuleAnswer | JSONResponse:
        """Mute alerts: open ones and those to come, for whoever is told of them. The models learn nothing from it."""
        conditions, visit = wanted.conditions(), visit_of(request.scope)
        if dry_run:
            visit.object = "dry run"
            counts = preview(service.alerts, conditions, rules.now())
            shown = PreviewAnswer(days=PREVIEW_DAYS, alerts=sum(counts.values()), by_severity=counts)
            return JSONResponse(shown.model_dump())
        lasting_s = None if wanted.ttl == "never" else float(wanted.ttl)
        made = rules.add(conditions, wanted.reason, visit.principal.name or LOCAL, lasting_s)
        visit.object = _told(made)
        return answer(made, {})

    @router.delete("/{rule_id}", dependencies=[needs("respond")], responses=problem_responses(404, 409, 503))
    def remove(request: Request, rule_id: str) -> RuleAnswer:
        """Remove a rule: alerts that it hides and that are still open are told again."""
        hits, removed = service.alerts.hits(), rules.remove(rule_id)
        visit_of(request.scope).object = _told(removed)
        return answer(removed, hits)

    return router


def _place(rule: Rule) -> tuple[float, str]:
    return rule.created_at, rule.id


def _told(rule: Rule) -> str:
    """Return a rule as the audit log shows it."""
    named = (f"{name} {text}" for name in CONDITIONS if (text := getattr(rule.conditions, name)))
    return f"{rule.id}: {', '.join(named)}: {rule.reason}"
