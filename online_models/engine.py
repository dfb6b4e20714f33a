"""The one object through which the rest of the service uses the models."""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from online_models.alerts import AlertBook, Anomaly
from online_models.behaviours import Sighting
from online_models.config import ModelConfig, agreed
from online_models.facts import KindFacts, facts_of, tables_of
from online_models.features.address import addresses, local_ranges
from online_models.features.table import EVICTED, without_owner
from online_models.guard import ANOMALY, RAISED, THRESHOLD
from online_models.kinds import KINDS, Kind
from online_models.outcome import Outcome, new_outcome
from online_models.reasons import Reasons
from online_models.snapshots import decode, encode, read_meta
from online_models.types import Alert, ScoredBatch
from online_models.views import Views, new_views

if TYPE_CHECKING:
    from ingest.records import RecordBatch


_SITE = "site"
"""How the names of tables begin that belong to no device."""


@dataclass(slots=True)
class _Model:
    """The live model of one log kind: per-entity tables, views, and alerts."""

    kind: Kind
    state: Any
    views: Views
    alerts: AlertBook


class Engine:
    """Scores record batches, learns from them and raises alerts. Not thread-safe: one thread owns it.

    The kinds are independent of each other, so the order in which batches of different kinds come does not matter;
    neither does where a log is cut into batches.

    Attributes
    ----------
    tells_views
        Whether `process` and `score` also give what each view made of every record. It changes no score.
    """

    def __init__(self, config: ModelConfig | None = None) -> None:
        """Grow the forests.

        Raises
        ------
        ValueError
            If a configured local network is not in CIDR form.
        """
        self.config = config or ModelConfig()
        self.tells_views = False
        self._ranges = local_ranges(self.config.local_networks)
        self._models = {name: self._new_model(name, kind) for name, kind in KINDS.items()}

    def _new_model(self, name: str, kind: Kind) -> _Model:
        config = self.config
        return _Model(
            kind=kind,
            state=kind.new_state(config.max_devices, config.max_pairs),
            views=new_views(kind.edges, kind.weights, kind.compares, kind.forests, config.seed),
            alerts=AlertBook(name, config.max_devices),
        )

    def process(self, batch: RecordBatch) -> ScoredBatch:
        """Score every record, then learn from it (prequential), and raise or update alerts.

        A batch of a kind that has no model gives an empty result.
        """
        model = self._models.get(batch.kind)
        if model is None or not len(batch):
            return _nothing(batch.kind)
        columns = model.kind.columns(batch, self._ranges)
        outcome, reported = _run(model, columns, len(batch), trusted=False, tells_views=self.tells_views)
        return _scored(model, batch, columns, outcome, reported)

    def score(self, batch: RecordBatch) -> ScoredBatch:
        """Score every record as `process` would, and leave the models and alerts as they were."""
        model = self._models.get(batch.kind)
        if model is None:
            return _nothing(batch.kind)
        self._models[batch.kind] = copy.deepcopy(model)
        try:
            return self.process(batch)
        finally:
            self._models[batch.kind] = model

    def learn(self, batch: RecordBatch) -> None:
        """Learn from records that are known to be normal: no alerts, no guard."""
        model = self._models.get(batch.kind)
        if model is not None and len(batch):
            _run(model, model.kind.columns(batch, self._ranges), len(batch), trusted=True)

    def evicted(self) -> dict[str, dict[str, int]]:
        """Return how many entries each bounded table has forgotten so far, by log kind and table."""
        tables = {name: tables_of(model.state) for name, model in self._models.items()}
        return {
            name: {part: int(table.counters[EVICTED]) for part, table in parts.items()}
            for name, parts in tables.items()
        }

    def to_bytes(self) -> bytes:
        """Return the whole model state; equal states give equal bytes."""
        arrays = {name: (model.state, model.views) for name, model in self._models.items()}
        alerts = {name: model.alerts.state() for name, model in self._models.items()}
        learned = {name: int(model.views.learned[0]) for name, model in self._models.items()}
        return encode(arrays, {"config": asdict(self.config), "learned": learned, "alerts": alerts})

    @classmethod
    def from_bytes(cls, data: bytes, config: ModelConfig | None = None) -> Engine:
        """Rebuild the engine that `to_bytes` wrote, with its own configuration if no other is given.

        What counts as local, and how many alerts are wanted, may be configured anew: both are asked of every record.

        Raises
        ------
        SnapshotError
            If the bytes are damaged, of another version or other models, or were learned with another seed or other
            capacities than ``config`` says.
        """
        engine = cls(agreed(read_meta(BytesIO(data)), config))
        templates = {name: (model.state, model.views) for name, model in engine._models.items()}
        arrays, meta = decode(data, templates)
        for name, model in engine._models.items():
            model.state, model.views = arrays[name]
            model.alerts.restore(meta["alerts"][name])
        return engine

    def forget(self, device: str) -> int:
        """Forget what all kinds know of a device and of its pairs; return how many entries that were.

        What the site as a whole knows stays, and so does what other devices know of this one.
        """
        key = addresses(pl.Series([device]), self._ranges).key[0]
        before = sum(sum(facts.entries.values()) for facts in self.facts().values())
        for model in self._models.values():
            tables = {name: table for name, table in tables_of(model.state).items() if not name.startswith(_SITE)}
            model.state = model.state._replace(**{name: without_owner(t, key) for name, t in tables.items()})
            model.alerts.forget(device)
        return before - sum(sum(facts.entries.values()) for facts in self.facts().values())

    def forget_devices(self) -> None:
        """Forget every device and all cases; what was learned about traffic in general, and of the site, stays."""
        for name, model in self._models.items():
            fresh = self._new_model(name, model.kind)
            tables = {t: table for t, table in tables_of(fresh.state).items() if not t.startswith(_SITE)}
            model.state, model.alerts = model.state._replace(**tables), fresh.alerts

    def facts(self) -> dict[str, KindFacts]:
        """Return what can be told of each kind's model in numbers."""
        return {name: facts_of(m.state, m.views, len(m.alerts)) for name, m in self._models.items()}


def _nothing(kind: str) -> ScoredBatch:
    empty = np.zeros(0)
    return ScoredBatch(kind, [], [], empty, empty, empty.astype(np.bool_))


def _run(
    model: _Model, columns: Any, records: int, *, trusted: bool, tells_views: bool = False
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
    return Reasons(kind.features, np.concatenate(rows), np.concatenate(parts), np.concatenate(facts), scores)


def _scored(model: _Model, batch: RecordBatch, columns: Any, outcome: Outcome, reported: list[Outcome]) -> ScoredBatch:
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
        alerts=_alerts(model, batch.frame, context, outcome, scores, reasons),
        views=dict(zip(model.kind.views, outcome.rarity.T, strict=True)) if len(outcome.rarity) else {},
    )


def _alerts(
    model: _Model,
    frame: pl.DataFrame,
    context: pl.DataFrame,
    outcome: Outcome,
    scores: np.ndarray[Any, np.dtype[np.float64]],
    reasons: Reasons,
) -> tuple[Alert, ...]:
    if not reasons:
        return ()
    rows = list(reasons)
    told = frame.select("uid", "ts")[rows].fill_null(0.0).hstack(context[rows])
    return model.alerts.observe(
        _anomaly(model.kind, row, values, outcome, scores, reasons)
        for row, values in zip(rows, told.iter_rows(), strict=True)
    )


def _anomaly(
    kind: Kind,
    row: int,
    values: tuple[Any, ...],
    outcome: Outcome,
    scores: np.ndarray[Any, np.dtype[np.float64]],
    reasons: Reasons,
) -> Anomaly:
    uid, ts, device, peer, target = values
    return Anomaly(
        device=device,
        behaviour=kind.behaviours[outcome.behaviour[row]],
        uid=uid or "",
        peer=peer,
        ts=ts,
        end=float(outcome.end[row]),
        score=float(scores[row]),
        evidence=float(outcome.evidence[row]),
        raises=bool(outcome.verdict[row] & RAISED),
        sighting=lambda: Sighting(device, peer, target, reasons.facts(row)),
        reasons=lambda: reasons[row],
    )
