"""What the routes of decisions answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from prevention.decisions import Mode, State
from prevention.targets import Action, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prevention.decisions import Decision
    from prevention.explain import Explained
    from prevention.safeguards import Protected


class ChangeAnswer(BaseModel):
    """One step of a decision."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    at: float = Field(description="epoch seconds")
    before: State | None
    after: State
    until: float
    by_whom: str = Field(validation_alias="by", examples=["policy"])
    reason: str


class DecisionAnswer(BaseModel):
    """One decision."""

    id: str = Field(examples=["d-0123456789abcdef"])
    kind: Kind
    device: str = Field(description="MAC where it is known, else address", examples=["192.168.1.23"])
    peer: str
    domain: str
    action: Action
    state: State
    mode: Mode
    made_at: float = Field(description="epoch seconds")
    until: float = Field(description="epoch seconds")
    by_whom: str = Field(description="policy, or who asked for it", examples=["policy"])
    alert: str = Field(description="its alert; empty where a person asked")
    behaviour: str
    sentence: str
    confidence: float
    rule: str
    step: int = Field(description="how often the same was done before")
    history: list[ChangeAnswer] | None = Field(default=None, description="with a decision that is asked for by itself")


class DecisionsAnswer(BaseModel):
    """Decisions, newest first."""

    decisions: list[DecisionAnswer]
    next_cursor: str | None = None


class ProtectedEntry(BaseModel):
    """Something that is never blocked."""

    what: str = Field(description="address, prefix or MAC", examples=["192.168.1.1"])
    why: str = Field(examples=["default gateway of this host"])


class ProtectedAnswer(BaseModel):
    """The never-block list."""

    protected: list[ProtectedEntry]

    @classmethod
    def of(cls, entries: Sequence[Protected]) -> ProtectedAnswer:
        """Return the answer for these entries."""
        return cls(protected=[ProtectedEntry(what=one.what, why=one.why) for one in entries])


class ExplainAnswer(BaseModel):
    """What stands for something, and what could not."""

    what: str
    protected: str | None = Field(description="why it is never blocked")
    blocked: bool
    standing: list[DecisionAnswer] = Field(description="decisions that stand and touch it")
    earlier: list[DecisionAnswer] = Field(description="the latest that ended, were taken back or refused")

    @classmethod
    def of(cls, what: str, found: Explained) -> ExplainAnswer:
        """Return the answer for what was found."""
        return cls(
            what=what,
            protected=found.protected,
            blocked=any(one.state == "active" for one in found.standing),
            standing=[decision_answer(one) for one in found.standing],
            earlier=[decision_answer(one) for one in found.earlier],
        )


class FlushAnswer(BaseModel):
    """What a flush or its end did."""

    revoked: int
    flushed: bool = Field(description="whether prevention only observes now, whatever the policy says")


class StandingAnswer(BaseModel):
    """How prevention stands."""

    mode: Mode = Field(description="of the site, by the policy")
    flushed: bool = Field(description="whether it only observes all the same")
    decisions: dict[str, int] = Field(description="how many are in each state", examples=[{"active": 2}])


def decision_answer(decision: Decision) -> DecisionAnswer:
    """Return a decision as it is answered."""
    target = decision.target
    return DecisionAnswer(
        id=decision.id,
        kind=target.kind,
        device=target.device,
        peer=target.peer,
        domain=target.domain,
        action=decision.action,
        state=decision.state,
        mode=decision.mode,
        made_at=decision.made_at,
        until=decision.until,
        by_whom=decision.by,
        alert=decision.alert,
        behaviour=decision.behaviour,
        sentence=decision.sentence,
        confidence=decision.confidence,
        rule=decision.rule,
        step=decision.step,
    )
