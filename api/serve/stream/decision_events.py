"""What prevention tells, as messages of ``/ws/events``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from api.serve.routes.decision_answers import decision_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.serve.stream.schemas import DecisionChangeName
    from prevention.decisions import Decision
    from prevention.events import PreventionEvent

_ENDED: Final[Mapping[str, DecisionChangeName]] = {"revoked": "revoked", "expired": "expired"}


def message_of(event: PreventionEvent) -> tuple[str, dict[str, Any]]:
    """Return the type of the message that tells of an event, and its fields."""
    if event.decision is None or event.what == "limit":
        return "prevention", {"at": event.at, "change": event.what, "text": event.text}
    return "decision", {
        "at": event.at,
        "change": _change(event, event.decision),
        "by_whom": event.by,
        "reason": event.reason,
        "decision": decision_answer(event.decision).model_dump(exclude={"history"}),
    }


def _change(event: PreventionEvent, decision: Decision) -> DecisionChangeName:
    match event.what:
        case "refused" | "applied" | "uncovered":
            return event.what
        case "made":
            return "suggested" if decision.state == "suggested" else "created"
        case _:
            return _ENDED.get(decision.state) or ("extended" if event.before == "active" else "confirmed")
