"""Active decisions that nobody can carry out: since when there are any, also over a restart."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from prevention.decisions import Decision
    from prevention.store import DecisionStore

_KEPT: Final = "not_carried_out"


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A time without a break in which some decision was active that nobody could carry out.

    Attributes
    ----------
    since, last_at
        When it began, and when the last decision came to it; wall-clock time, epoch seconds.
    count
        How many decisions it has had so far.
    decisions
        Identifiers of those that are active now.
    unplaced
        Those of them for which no enforcer is to blame: there is no address to block.
    """

    since: float
    last_at: float
    count: int
    decisions: tuple[str, ...]
    unplaced: tuple[str, ...] = ()


def look(
    store: DecisionStore, told: Collection[str] | None, unplaced: Collection[str], at: float
) -> tuple[Uncovered | None, list[Decision], list[Decision]]:
    """Bring what is kept up to date; return it, its decisions, and those of them that are news.

    Parameters
    ----------
    store
        The decisions; what is kept stands beside them.
    told
        Identifiers that no enforcer process can carry out; None if none reports, which changes no answer of before.
    unplaced
        Identifiers of decisions about devices without an address.
    at
        Wall-clock time, epoch seconds.
    """
    with store.transaction():
        known = _kept(store)
        before = set(known.decisions) - set(known.unplaced) if known else set[str]()
        named = (before if told is None else set(told)) | set(unplaced)
        active = [one for one in store.standing() if one.state == "active" and one.id in named] if named else []
        news = [one for one in active if known is None or one.id not in known.decisions]
        found = _next(known, active, len(news), at)
        found = found and replace(found, unplaced=tuple(one.id for one in active if one.id in unplaced))
        if found != known:
            store.set(_KEPT, msgspec.json.encode(found).decode())
    return found, active, news


def _next(known: Uncovered | None, active: Sequence[Decision], news: int, at: float) -> Uncovered | None:
    if not active:
        return None
    since, last_at, count = (known.since, known.last_at, known.count) if known else (at, at, 0)
    return Uncovered(since, at if news else last_at, count + news, tuple(one.id for one in active))


def _kept(store: DecisionStore) -> Uncovered | None:
    with suppress(msgspec.MsgspecError):  # nothing was kept yet
        return msgspec.json.decode(store.setting(_KEPT).encode(), type=Uncovered | None)
    return None
