"""What a kernel reports about the records that it has gone through: arrays that Python reads once a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.compiled import by_reference
from online_models.compile import inner
from online_models.forest.forest import attribute
from online_models.guard import WITHHELD
from online_models.verdicts import THINGS

if TYPE_CHECKING:
    from online_models.views import Views

OBSERVED, USUAL = range(2)
"""Places in a fact."""
DETAILS = 4096
"""How many anomalies a kernel describes before it hands back; what they say does not depend on it."""


@by_reference
class Outcome(NamedTuple):
    """n records of which some are anomalies.

    Attributes
    ----------
    evidence
        float64 ``(n,)``, decades.
    judgement, behaviour
        int8 ``(n,)``: bits of `guard.judge`, and the behaviour's number in its kind.
    end
        float64 ``(n,)``: the device's log time at the record, epoch seconds.
    detail_of
        int64 ``(DETAILS,)``: the row that each detail describes, ``used[0]`` of them.
    parts
        float64 ``(DETAILS, features)``: what each feature added to the evidence.
    facts
        float64 ``(DETAILS, features + notes, 2)``: observed and usual.
    rarity
        float64 ``(n, views)``, weighted decades, or ``(0, views)`` where nobody asks for them.
    things
        uint64 ``(DETAILS, THINGS)``: keys of what the record was about, see `online_models.likeness`.
    known
        bool ``(DETAILS,)``: the device knew the first of these things before.
    devices
        int64 ``(DETAILS,)``: how many devices were seen within a day, for a record that raises an alert; else 0.
    withheld
        float64 ``(n, features)``: the features of every record that was not learned; other rows mean nothing.
    used
        int64 ``(1,)``: how many details there are.
    """

    evidence: npt.NDArray[np.float64]
    judgement: npt.NDArray[np.int8]
    behaviour: npt.NDArray[np.int8]
    end: npt.NDArray[np.float64]
    detail_of: npt.NDArray[np.int64]
    parts: npt.NDArray[np.float64]
    facts: npt.NDArray[np.float64]
    things: npt.NDArray[np.uint64]
    known: npt.NDArray[np.bool_]
    devices: npt.NDArray[np.int64]
    withheld: npt.NDArray[np.float64]
    used: npt.NDArray[np.int64]
    rarity: npt.NDArray[np.float64]


def new_outcome(records: int, features: int, views: int = 0, notes: int = 0) -> Outcome:
    """Return room for so many records, what each of so many views makes of them, and so many notes beside features."""
    return Outcome(
        evidence=np.zeros(records),
        judgement=np.zeros(records, np.int8),
        behaviour=np.zeros(records, np.int8),
        end=np.zeros(records),
        detail_of=np.zeros(DETAILS, np.int64),
        parts=np.zeros((DETAILS, features)),
        facts=np.zeros((DETAILS, features + notes, 2)),
        things=np.zeros((DETAILS, THINGS), np.uint64),
        known=np.zeros(DETAILS, np.bool_),
        devices=np.zeros(DETAILS, np.int64),
        withheld=np.empty((records, features)),
        used=np.zeros(1, np.int64),
        rarity=np.zeros((records if views else 0, views)),
    )


@inner
def note_views(outcome: Outcome, i: int, views: Views) -> None:
    """Write down what each view made of record i, if that is asked for."""
    if outcome.rarity.shape[0] > 0:
        for v in range(views.rarity.size):
            outcome.rarity[i, v] = views.weights[v] * views.rarity[v]


@inner
def withhold(outcome: Outcome, i: int, x: npt.NDArray[np.float64]) -> None:
    """Note that record i, whose features are given, was not learned."""
    outcome.judgement[i] |= WITHHELD
    for f in range(x.size):
        outcome.withheld[i, f] = x[f]


@inner
def attribute_views(views: Views, evidence: float, parts: npt.NDArray[np.float64]) -> None:
    """Share the evidence among the features: among views by their weighted decades, within a view by the forest."""
    total = 0.0
    for v in range(views.rarity.size):
        total += max(0.0, views.weights[v] * views.rarity[v])
    for v in range(views.rarity.size):
        first, last = views.edges[v], views.edges[v + 1]
        attribute(views.forests[v], views.leaves[v], parts[first:last])
        positive = 0.0
        for f in range(first, last):
            parts[f] = max(0.0, parts[f])
            positive += parts[f]
        share = max(0.0, views.weights[v] * views.rarity[v]) / total if total > 0.0 else 0.0
        for f in range(first, last):
            parts[f] = parts[f] / positive * share * evidence if positive > 0.0 else share * evidence / (last - first)
