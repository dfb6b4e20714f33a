"""What prevention has to tell people of itself, as alerts: one of each behaviour while what it tells of lasts."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from online_models.service import BLOCK_LIMIT, BLOCK_NOT_ENFORCED, DEVICE, LOG
from online_models.types import Alert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.decisions.uncovered import Uncovered
    from online_models.service import ServiceBehaviour
    from prevention.decisions import Decision
    from prevention.safeguards import Limited

UNPLACED: Final = "no address of the device is known"
_SAMPLES: Final = 10
_NAMED: Final = 3


def own_alerts(limited: Limited | None, uncovered: Uncovered | None, decisions: Sequence[Decision]) -> list[Alert]:
    """Return the alerts that are open now.

    Parameters
    ----------
    limited
        The limit of blocks that holds, if one does.
    uncovered, decisions
        Since when decisions are active that nobody can carry out, and which, if there are any.
    """
    told = []
    if limited is not None:
        told.append(_of_limit(limited))
    if uncovered is not None:
        told.append(_of_uncovered(uncovered, decisions))
    return told


def _of_limit(limited: Limited) -> Alert:
    left = f"{limited.left_over} so far" if limited.left_over else "none so far"
    sentence = f"{limited.reason}: new blocks wait for a person instead of being carried out, {left}"
    alert = _alert(BLOCK_LIMIT, limited.since, sentence)
    return replace(alert, last_ts=limited.last_at, count=max(1, limited.left_over))


def _of_uncovered(uncovered: Uncovered, decisions: Sequence[Decision]) -> Alert:
    unplaced = {one.id for one in decisions} & set(uncovered.unplaced)
    about = [f"{one.action} {one.target}{f' ({UNPLACED})' if one.id in unplaced else ''}" for one in decisions]
    more = f" and {len(about) - _NAMED} more" if len(about) > _NAMED else ""
    sentence = f"nobody can carry out: {'; '.join(about[:_NAMED])}{more}"
    alert = _alert(BLOCK_NOT_ENFORCED, uncovered.since, sentence)
    return replace(alert, last_ts=uncovered.last_at, count=uncovered.count, targets=tuple(about[:_SAMPLES]))


def _alert(behaviour: ServiceBehaviour, since: float, sentence: str) -> Alert:
    """Return an alert of the service; what it tells of is grave and certain, and its times are the wall clock's."""
    return Alert(
        id=hashlib.blake2b(f"{LOG}\0{behaviour.name}\0{since!r}".encode(), digest_size=8).hexdigest(),
        device=DEVICE,
        behaviour=behaviour.name,
        log=LOG,
        severity="high",
        score=1.0,
        ts=since,
        first_ts=since,
        last_ts=since,
        count=1,
        sentence=sentence,
    )
