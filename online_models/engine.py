"""The one object through which the rest of the service uses the models, and how a batch goes through the loop."""

from __future__ import annotations

from dataclasses import asdict, replace
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ingest.records import SCHEMAS, RecordBatch
from online_models import budget
from online_models.alerts.book import AlertBook
from online_models.alerts.case import Anomalies, Finding
from online_models.alerts.extent import numbers
from online_models.behaviours import Reasons, Sighting, facts_by_name, reasons_of
from online_models.config import ModelConfig, agreed
from online_models.facts import KindFacts, facts_of
from online_models.features.table import EVICTED, entries, forget_owner
from online_models.features.text import GLOBAL, addresses, local_ranges
from online_models.feedback import Model, Records, SecondOpinion, Withheld, hear, rehearse
from online_models.guard import ANOMALY, RAISED, RATES_AT, THRESHOLD
from online_models.kept import DormantKinds, kept_of, sorted_out
from online_models.kinds import KINDS
from online_models.program import loop
from online_models.program.machine import OBSERVED, Outcome, new_outcome, with_room, with_tables
from online_models.program.undo import undone
from online_models.snapshots import decode, encode_pieces, read_meta
from online_models.types import Alert, ScoredBatch
from online_models.views import new_views, with_masks
from online_models.young import Watched

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from online_models.kinds.kind import Kind
    from online_models.types import Direction, Feedback


_SITE = "site"
"""How the names of tables begin that belong to no device."""


class Engine:
    """Scores record batches, learns from them and raises alerts. Not thread-safe: one thread owns it.

    The kinds are independent of each other, so the order in which batches of different kinds come does not matter;
    neither does where a log is cut into batches.

    Attributes
    ----------
    tells_views
        Whether `process` and `score` also give what each view made of every record. It changes no score.
    """

    def __init__(self, config: ModelConfig | None = None, kinds: Mapping[str, Kind] = KINDS) -> None:
        """Grow the forests of these kinds, by the log's name.

        Raises
        ------
        ValueError
            If a configured local network is not in CIDR form.
        """
        self.config = config or ModelConfig()
        self.tells_views = False
        self._ranges = local_ranges(self.config.local_networks)
        self._models = {name: self._new_model(name, kind) for name, kind in kinds.items()}
        self._kept = DormantKinds()

    def _new_model(self, name: str, kind: Kind) -> Model:
        config = self.config
        columns = kind.columns(RecordBatch(name, pl.DataFrame(schema=SCHEMAS[name])), self._ranges)
        views = new_views(kind.views, config.seed)
        budget.set_budget(views.rates, config.alert_budget_per_day, kind.share)
        features, codes = np.zeros((0, len(kind.clauses))), np.zeros(0, np.int8)
        return Model(
            kind=kind,
            machine=kind.new_machine(config.max_devices, config.max_pairs),
            views=views,
            alerts=AlertBook(name, config.max_devices),
            withheld=Withheld(Records(columns, features, np.zeros(0), codes, codes)),
            opinion=SecondOpinion(config.seed),
        )

    def process(self, batch: RecordBatch) -> ScoredBatch:
        """Score every record, then learn from it (prequential), and raise or update alerts.

        A batch of a kind that has no model gives an empty result.
        """
        model = self._models.get(batch.kind)
        if model is None or not len(batch):
            return nothing_scored(batch.kind)
        columns = model.kind.columns(batch, self._ranges)
        outcome, reported = run(model, columns, len(batch), trusted=False, tells_views=self.tells_views)
        model.withheld.keep(columns, outcome)
        return scored(model, batch, columns, outcome, reported, self._ranges)

    def devices_in(self, batch: RecordBatch) -> list[str]:
        """Return the address of the device that each record is about; none for a kind that has no model."""
        model = self._models.get(batch.kind)
        if model is None:
            return []
        columns = model.kind.columns(batch, self._ranges)
        devices: list[str] = model.kind.context(batch.frame, columns)["device"].to_list()
        return devices

    def score(self, batch: RecordBatch) -> ScoredBatch:
        """Score every record as `process` would, and leave the models and alerts as they were."""
        model = self._models.get(batch.kind)
        if model is None or not len(batch):
            return nothing_scored(batch.kind)
        columns = model.kind.columns(batch, self._ranges)
        with undone(model.machine, model.views, columns) as (machine, views):
            tried = replace(model, machine=machine, views=views, alerts=model.alerts.tentative())
            outcome, reported = run(tried, columns, len(batch), trusted=False, tells_views=self.tells_views)
            return scored(tried, batch, columns, outcome, reported, self._ranges)

    def learn(self, batch: RecordBatch) -> None:
        """Learn from records that are known to be normal: no alerts, no guard."""
        model = self._models.get(batch.kind)
        if model is not None and len(batch):
            run(model, model.kind.columns(batch, self._ranges), len(batch), trusted=True)

    def learn_labelled(self, batch: RecordBatch, attacks: frozenset[str]) -> int:
        """Learn records but for those with the uids ``attacks``; return how many were learned as normal.

        The alerts that the whole batch would raise become labels of the second opinion.
        """
        model = self._models.get(batch.kind)
        if model is None:
            return 0
        for alert in self.score(batch).alerts:
            model.opinion.learn(alert, "expected" if attacks.isdisjoint(alert.uids) else "attack")
        normal = batch.frame.filter(~batch.frame["uid"].fill_null("").is_in(sorted(attacks)))
        self.learn(RecordBatch(batch.kind, normal, batch.source))
        return len(normal)

    def evicted(self) -> dict[str, dict[str, int]]:
        """Return how many entries each bounded table has forgotten so far, by log kind and table."""
        return {name: _evicted(model) for name, model in self._models.items()}

    def hear(self, feedback: Feedback) -> None:
        """Take in what a person said of an alert; what that does is in `online_models.feedback`."""
        model = self._models.get(feedback.alert.log)
        if model is not None:
            hear(model, feedback, self._key_of(feedback.alert.known_as))

    def rename(self, kind: str, names: Mapping[str, str]) -> None:
        """Have alerts of a log kind that last go on as those of the device by whose name theirs is known from now on.

        What was learned of both stays where it is.
        """
        model = self._models.get(kind)
        if model is not None:
            for name, now in names.items():
                model.alerts.rename(name, now)

    def rehearse_reading(self, batch: RecordBatch) -> None:
        """Have compiled what reading the records of a kind needs, beside the loop; nothing is scored or learned."""
        model = self._models[batch.kind]
        model.kind.context(batch.frame, model.kind.columns(batch, self._ranges))

    def rehearse_feedback(self, kind: str) -> None:
        """Have compiled what feedback needs, whichever log kind is named; nothing is said or learned."""
        rehearse(self._models[kind])

    def heard(self) -> dict[str, int]:
        """Return for each log kind the number of the last feedback that was taken in, 0 before the first."""
        return {name: model.heard for name, model in self._models.items()}

    def to_bytes(self) -> bytes:
        """Return the whole model state; equal states give equal bytes."""
        return b"".join(self.to_pieces())

    def to_pieces(self) -> list[bytes | memoryview]:
        """Return what `to_bytes` does, in pieces that are no copies: they must be used before the models change."""
        arrays = {name: _arrays(model) for name, model in self._models.items()}
        rest = {name: _rest(model) for name, model in self._models.items()}
        learned = {name: int(model.views.learned[0]) for name, model in self._models.items()}
        learned, rest = {**learned, **self._kept.learned}, {**rest, **self._kept.models}
        meta = {"config": asdict(self.config), "learned": learned, "models": rest}
        return encode_pieces(arrays, meta, self._kept.arrays)

    @classmethod
    def from_bytes(cls, data: bytes, config: ModelConfig | None = None, kinds: Mapping[str, Kind] = KINDS) -> Engine:
        """Rebuild the engine that `to_bytes` wrote, with its own configuration if no other is given.

        What counts as local, and how many alerts are wanted, may be configured anew: both are asked of every record.
        What a user declares may be other kinds than before: see `online_models.kept`.

        Raises
        ------
        SnapshotError
            If the bytes are damaged, of another version or other models, or were learned with another seed or other
            capacities than ``config`` says.
        """
        told = read_meta(BytesIO(data))
        engine = cls(agreed(told, config), kinds)
        goes_on, unnamed = sorted_out(told, {name: model.kind for name, model in engine._models.items()})
        arrays, meta = decode(data, {name: _arrays(engine._models[name]) for name in goes_on})
        engine._kept = kept_of(data, meta, unnamed)
        for name in goes_on:
            model = engine._models[name]
            tables, views, withheld = arrays[name]
            model.machine = with_tables(model.machine, tuple(tables.values()))
            model.views = with_masks(views)
            budget.set_budget(model.views.rates, engine.config.alert_budget_per_day, model.kind.share)
            rest = meta["models"][name]
            model.withheld.restore(withheld, rest["lost"])
            model.alerts.restore(rest["alerts"])
            model.opinion.restore(rest["labels"])
            model.heard = rest["heard"]
        return engine

    def _key_of(self, device: str) -> np.uint64:
        key: np.uint64 = addresses(pl.Series([device]), self._ranges).key[0]
        return key

    def forget(self, device: str) -> int:
        """Forget what all kinds know of a device, by its name, and of its pairs; return how many entries that were.

        What the site as a whole knows stays, and so does what other devices know of this one.
        """
        key = self._key_of(device)
        before = sum(sum(facts.entries.values()) for facts in self.facts().values())
        for model in self._models.values():
            tables = [table for name, table in model.tables().items() if not name.startswith(_SITE)]
            for table in (*tables, model.views.verdicts):
                forget_owner(table, key)
            model.alerts.forget(device)
            model.withheld.take(key)
        return before - sum(sum(facts.entries.values()) for facts in self.facts().values())

    def forget_devices(self) -> None:
        """Forget every device and all cases; what was learned about traffic in general, and of the site, stays."""
        for name, model in self._models.items():
            fresh = self._new_model(name, model.kind)
            tables = model.tables() | {t: table for t, table in fresh.tables().items() if not t.startswith(_SITE)}
            model.machine, model.alerts = with_tables(fresh.machine, tuple(tables.values())), fresh.alerts
            model.views, model.withheld = model.views._replace(verdicts=fresh.views.verdicts), fresh.withheld

    def outlook(self, budget_per_day: float | None = None) -> dict[str, budget.Outlook]:
        """Return by log kind what an alert budget of the site (default: the one in force) means for its threshold."""
        per_day = self.config.alert_budget_per_day if budget_per_day is None else budget_per_day
        own = {name: entries(m.machine.tables[0])[1][:, RATES_AT + budget.OWN] for name, m in self._models.items()}
        return {n: budget.outlook(m.views.rates, own[n], per_day, m.kind.share) for n, m in self._models.items()}

    def thresholds(self) -> dict[str, float]:
        """Return by log kind the threshold in force, decades of evidence."""
        return {name: float(budget.threshold_of(m.views.rates)) for name, m in self._models.items()}

    def watched(self) -> Watched:
        """Return for how long the site was watched, by the log kind that saw it longest."""
        clocks = (model.views.clock for model in self._models.values())
        return max((Watched(float(c[2]), float(c[0])) for c in clocks), key=lambda w: (w.seconds, w.until))

    def facts(self) -> dict[str, KindFacts]:
        """Return what can be told of each kind's model in numbers."""
        return {name: facts_of(m.tables(), m.views, len(m.alerts)) for name, m in self._models.items()}


def _evicted(model: Model) -> dict[str, int]:
    tables = {**model.tables(), "verdicts": model.views.verdicts}
    counts = {name: int(table.counters[EVICTED]) for name, table in tables.items()}
    return {**counts, "withheld": model.withheld.lost}


def _arrays(model: Model) -> tuple[Any, tuple[Any, ...], Records]:
    """Return what a snapshot holds: all but the views' masks, which follow from their forests."""
    return model.tables(), model.views[:-1], model.withheld.records()


def _rest(model: Model) -> dict[str, Any]:
    told = {"alerts": model.alerts.state(), "labels": model.opinion.state()}
    by = {"declaration": model.kind.declaration} if model.kind.declaration else {}
    return {**told, "lost": model.withheld.lost, "heard": model.heard, **by}


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
        keys=details.things,
        addresses=cache(lambda: numbers(peer)),
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
