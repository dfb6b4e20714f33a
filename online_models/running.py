"""Runs a log kind's kernel over a batch, and makes of its arrays what the rest of the service reads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from online_models.alerts import Anomaly
from online_models.behaviours import Sighting
from online_models.guard import ANOMALY, RAISED, THRESHOLD
from online_models.outcome import Outcome, new_outcome
from online_models.reasons import Reasons
from online_models.types import Alert, ScoredBatch

if TYPE_CHECKING:
    import polars as pl

    from ingest.records import RecordBatch
    from online_models.feedback import Model
    from online_models.kinds import Kind


def nothing_scored(kind: str) -> ScoredBatch:
    """Return what is said of a batch in which nothing is scored."""
    empty = np.zeros(0)
    return ScoredBatch(kind, [], [], empty, empty, empty.astype(np.bool_))


def run(
    model: Model, columns: Any, records: int, *, trusted: bool, tells_views: bool = False
) -> tuple[Outcome, list[Outcome]]:
    """Go through all records; return the outcome and the reports of anomalies in order."""
    kind = model.kind
    outcome = new_outcome(records, len(kind.features), len(kind.views) if tells_views else 0)
    reported, at = [], 0
    while at < records:
        at = model.kind.run(model.state, model.views, columns, at, trusted, outcome)
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
            model.state = model.kind.with_room(model.state)
    return outcome, reported


def _reasons(kind: Kind, reported: list[Outcome], scores: np.ndarray[Any, np.dtype[np.float64]]) -> Reasons:
    features = len(kind.features)
    rows = [r.detail_of for r in reported] or [np.zeros(0, np.int64)]
    parts = [r.parts for r in reported] or [np.zeros((0, features))]
    facts = [r.facts for r in reported] or [np.zeros((0, features, 2))]
    return Reasons(kind.clauses, np.concatenate(rows), np.concatenate(parts), np.concatenate(facts), scores)


def scored(model: Model, batch: RecordBatch, columns: Any, outcome: Outcome, reported: list[Outcome]) -> ScoredBatch:
    """Return what `run` found, in the service's terms, and bring the alerts up to date."""
    scores = outcome.evidence / (outcome.evidence + model.views.policy[THRESHOLD])
    reasons = _reasons(model.kind, reported, scores)
    context = model.kind.context(batch.frame, columns)
    return ScoredBatch(
        kind=batch.kind,
        uid=batch.frame["uid"].fill_null("").to_list(),
        device=context["device"].to_list(),
        ts=columns.ts,
        score=scores,
        anomaly=(outcome.verdict & ANOMALY) > 0,
        reasons=reasons,
        alerts=_alerts(model, batch.frame, context, outcome, reported, scores, reasons),
        views=dict(zip(model.kind.views, outcome.rarity.T, strict=True)) if len(outcome.rarity) else {},
    )


def _alerts(
    model: Model,
    frame: pl.DataFrame,
    context: pl.DataFrame,
    outcome: Outcome,
    reported: list[Outcome],
    scores: np.ndarray[Any, np.dtype[np.float64]],
    reasons: Reasons,
) -> tuple[Alert, ...]:
    if not reasons:
        return ()
    rows = list(reasons)
    things = np.concatenate([r.things for r in reported]).tolist()
    known = np.concatenate([r.known for r in reported]).tolist()
    devices = np.concatenate([r.devices for r in reported]).tolist()
    told = frame.select("uid", "ts")[rows].fill_null(0.0).hstack(context[rows])
    alerts = model.alerts.observe(
        _anomaly(model.kind, row, (*values, *about), outcome, scores, reasons)
        for row, values, about in zip(rows, told.iter_rows(), zip(things, known, devices, strict=True), strict=True)
    )
    return tuple(replace(alert, second_opinion=model.opinion.of(alert)) for alert in alerts)


def _anomaly(
    kind: Kind,
    row: int,
    values: tuple[Any, ...],
    outcome: Outcome,
    scores: np.ndarray[Any, np.dtype[np.float64]],
    reasons: Reasons,
) -> Anomaly:
    uid, ts, device, peer, target, things, known, devices = values
    return Anomaly(
        device=device,
        behaviour=kind.behaviours[outcome.behaviour[row]],
        uid=uid or "",
        peer=peer,
        target=target,
        things=things,
        is_known=known,
        site_devices=devices,
        ts=ts,
        end=float(outcome.end[row]),
        score=float(scores[row]),
        evidence=float(outcome.evidence[row]),
        raises=bool(outcome.verdict[row] & RAISED),
        sighting=lambda: Sighting(device, peer, target, reasons.facts(row)),
        reasons=lambda: reasons[row],
    )
