"""Runs a log kind's kernel over a batch, and makes of its arrays what the rest of the service reads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from online_models.alerts.anomalies import Anomalies, Finding
from online_models.behaviours import Sighting
from online_models.features.address import GLOBAL, addresses
from online_models.guard import ANOMALY, RAISED, THRESHOLD
from online_models.outcome import OBSERVED, Outcome, new_outcome
from online_models.program import loop
from online_models.program.machine import with_room
from online_models.reasons import Reasons, facts_by_name, reasons_of
from online_models.types import Alert, ScoredBatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ingest.records import RecordBatch
    from online_models.feedback import Model
    from online_models.kinds.kind import Kind
    from online_models.types import Direction


def nothing_scored(kind: str) -> ScoredBatch:
    """Return what is said of a batch in which nothing is scored."""
    empty = np.zeros(0)
    return ScoredBatch(kind, [], [], empty, empty, empty.astype(np.bool_))


def run(
    model: Model, columns: Any, records: int, *, trusted: bool, tells_views: bool = False
) -> tuple[Outcome, list[Outcome]]:
    """Go through all records; return the outcome and the reports of anomalies in order."""
    kind = model.kind
    notes = len(kind.fact_names) - len(kind.clauses)
    outcome = new_outcome(records, len(kind.clauses), len(kind.views) if tells_views else 0, notes)
    reported, at = [], 0
    while at < records:
        at = loop.run(model.machine, model.views, columns, at, trusted, outcome)
        used = int(outcome.used[0])
        if used:
            reported.append(
                outcome._replace(
                    detail_of=outcome.detail_of[:used].copy(),
                    parts=outcome.parts[:used].copy(),
                    facts=outcome.facts[:used].copy(),
                    things=outcome.things[:used].copy(),
                    known=outcome.known[:used].copy(),
                    devices=outcome.devices[:used].copy(),
                )
            )
            outcome.used[0] = 0
        if at < records and used < outcome.detail_of.size:  # it stopped for want of room, not to report
            model.machine = with_room(model.machine)
    return outcome, reported


def scored(
    model: Model,
    batch: RecordBatch,
    columns: Any,
    outcome: Outcome,
    reported: list[Outcome],
    ranges: npt.NDArray[np.uint64],
) -> ScoredBatch:
    """Return what `run` found, in the service's terms, and bring the alerts up to date; ``ranges`` are local."""
    scores = outcome.evidence / (outcome.evidence + model.views.policy[THRESHOLD])
    details = _joined(reported)
    context = model.kind.context(batch.frame, columns)
    kind = model.kind
    reasons = (
        Reasons(kind.clauses, details.detail_of, details.parts, details.facts, scores, kind.fact_names)
        if details
        else {}
    )
    return ScoredBatch(
        kind=batch.kind,
        uid=batch.frame["uid"].fill_null("").to_list(),
        device=context["device"].to_list(),
        ts=columns.ts,
        score=scores,
        anomaly=(outcome.judgement & ANOMALY) > 0,
        reasons=reasons,
        alerts=_alerts(model, batch.frame, context, details, scores, ranges) if details else (),
        views=dict(zip((view.name for view in model.kind.views), outcome.rarity.T, strict=True))
        if len(outcome.rarity)
        else {},
    )


def _joined(reported: list[Outcome]) -> Outcome | None:
    """Return the reports of a batch as one, None if there is none."""
    if len(reported) < 2:
        return reported[0] if reported else None
    names = ("detail_of", "parts", "facts", "things", "known", "devices")
    return reported[0]._replace(**{name: np.concatenate([getattr(r, name) for r in reported]) for name in names})


def _directions(kind: Kind, context: pl.DataFrame, ranges: npt.NDArray[np.uint64]) -> list[Direction]:
    """Return who acted in each row: the device, towards the world or a neighbour; or a stranger who called it."""
    called = context["inbound"].to_list() if "inbound" in context.columns else [False] * len(context)
    outside = ((addresses(context["peer"], ranges).scope == GLOBAL) | kind.is_passed_on).tolist()
    return ["in" if its_call else "out" if far else "lateral" for its_call, far in zip(called, outside, strict=True)]


def _foremost(kind: Kind, behaviours: Sequence[int], facts: npt.NDArray[np.float64]) -> list[float]:
    """Return how far each anomaly is the one to show before all that are stranger, by its behaviour's declaration."""
    found, names = np.zeros(len(behaviours)), kind.fact_names
    for number, behaviour in enumerate(kind.behaviours):
        if behaviour.foremost is not None:
            name, least = behaviour.foremost
            observed = facts[:, names.index(name), OBSERVED]
            found += observed * (observed >= least) * (np.array(behaviours) == number)
    told: list[float] = found.tolist()
    return told


def _alerts(
    model: Model,
    frame: pl.DataFrame,
    context: pl.DataFrame,
    details: Outcome,
    scores: npt.NDArray[np.float64],
    ranges: npt.NDArray[np.uint64],
) -> tuple[Alert, ...]:
    rows = details.detail_of
    if "known_as" not in context.columns:
        context = context.with_columns(known_as="device")
    device, peer, target, known_as = (
        column.to_list() for column in context[rows].select("device", "peer", "target", "known_as")
    )
    uid, ts = (
        column.to_list()
        for column in frame.select("uid", "ts")[rows].with_columns(
            pl.col("uid").fill_null(""), pl.col("ts").fill_null(0.0)
        )
    )
    kind, behaviour, score = model.kind, details.behaviour[rows].tolist(), scores[rows].tolist()
    direction = _directions(kind, context[rows], ranges)

    def finding(k: int) -> Finding:
        parts, facts = details.parts[k].copy(), details.facts[k].copy()
        return Finding(
            make_reasons=lambda: reasons_of(kind.clauses, parts, facts_by_name(kind.fact_names, facts), score[k]),
            make_sighting=lambda: Sighting(
                device[k], peer[k], target[k], facts_by_name(kind.fact_names, facts), direction[k]
            ),
            behaviour=kind.behaviours[behaviour[k]],
        )

    anomalies = Anomalies(
        behaviours=kind.behaviours,
        device=device,
        known_as=known_as,
        behaviour=behaviour,
        uid=uid,
        peer=peer,
        target=target,
        direction=direction,
        things=details.things.T.tolist(),
        answered=context["answered"][rows].to_list() if "answered" in context.columns else (),
        is_known=details.known.tolist(),
        ts=ts,
        end=details.end[rows].tolist(),
        score=score,
        evidence=details.evidence[rows].tolist(),
        foremost=_foremost(kind, behaviour, details.facts),
        raises=((details.judgement[rows] & RAISED) > 0).tolist(),
        site_devices=details.devices.tolist(),
        finding=finding,
    )
    return tuple(replace(alert, second_opinion=model.opinion.of(alert)) for alert in model.alerts.observe(anomalies))
