"""A decision: what is to be blocked, until when, why and by whom; and the states that it can come through.

::

    observed  --+                        (recorded: what would have been done)
    suggested --+--> active --> expired  (active: enforcers are to carry it out)
        |       |       |
        +-------+-------+-----> revoked
    refused                              (a safeguard stood before it)
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, get_args

from prevention.errors import TransitionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prevention.targets import Action, Target

Mode = Literal["observe", "suggest", "enforce"]
State = Literal["observed", "suggested", "active", "expired", "revoked", "refused"]
STATES: Final[tuple[State, ...]] = get_args(State)
STANDING: Final[frozenset[State]] = frozenset({"observed", "suggested", "active"})

FIRST: Final[Mapping[Mode, State]] = {"observe": "observed", "suggest": "suggested", "enforce": "active"}
_NEXT: Final[Mapping[State, frozenset[State]]] = {
    "observed": frozenset({"active", "expired", "revoked"}),
    "suggested": frozenset({"active", "expired", "revoked"}),
    "active": frozenset({"active", "expired", "revoked"}),
    "expired": frozenset(),
    "revoked": frozenset(),
    "refused": frozenset(),
}
POLICY: Final = "policy"
"""Who decided, where it was no person."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What prevention wants, with its end. Times are wall-clock time, epoch seconds.

    Attributes
    ----------
    id
        Deterministic: the same alert at the same step makes the same decision, however often it is told.
    target, action
        What is to be done to whom.
    state, mode
        Where it stands, and the mode that was in force when it was made.
    made_at, until
        Its beginning and its end; `ttl_s` of them bounds the block, whatever the clock does.
    alert, behaviour, sentence
        Why: the alert's identifier (empty where a person asked), its behaviour and its sentence.
    by
        ``policy``, or the name of a person's token.
    confidence
        How sure, 0 to 1.
    rule
        The rule of the policy that asked for it.
    step
        How often the same was done to the target before: the place on the ladder of escalation.
    """

    id: str
    target: Target
    action: Action
    state: State
    mode: Mode
    made_at: float
    until: float
    by: str = POLICY
    alert: str = ""
    behaviour: str = ""
    sentence: str = ""
    confidence: float = 1.0
    rule: str = ""
    step: int = 0

    @property
    def ttl_s(self) -> float:
        """How long it lasts from its beginning, in seconds."""
        return self.until - self.made_at


@dataclass(frozen=True, slots=True)
class DecisionChange:
    """One step of a decision's history: who moved it from where to where, when and why."""

    decision: str
    number: int
    at: float
    before: State | None
    after: State
    until: float
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Step:
    """When a decision is moved, by whom and why."""

    at: float
    by: str
    reason: str


def decision_id(*parts: str) -> str:
    """Return the identifier that these parts always give: 16 hexadecimal digits behind ``d-``."""
    digest = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
    return f"d-{digest[:16]}"


def moved(decision: Decision, after: State, until: float | None = None) -> Decision:
    """Return the decision in its next state.

    Raises
    ------
    TransitionError
        If no way leads there.
    """
    if after not in _NEXT[decision.state]:
        raise TransitionError(f"decision {decision.id} is {decision.state}: it cannot become {after}")
    return replace(decision, state=after, until=decision.until if until is None else until)
