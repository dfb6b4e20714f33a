"""The one object through which the rest of the service uses the models."""

from __future__ import annotations

from dataclasses import asdict, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ingest.records import SCHEMAS, RecordBatch
from online_models import budget
from online_models.alerts.book import AlertBook
from online_models.config import ModelConfig, agreed
from online_models.facts import KindFacts, facts_of
from online_models.features.address import addresses, local_ranges
from online_models.features.table import EVICTED, entries, forget_owner
from online_models.feedback import Model, hear, rehearse
from online_models.guard import RATES_AT
from online_models.kept import DormantKinds, kept_of, sorted_out
from online_models.kinds import KINDS
from online_models.program.machine import with_tables
from online_models.program.undo import undone
from online_models.running import nothing_scored, run, scored
from online_models.second_opinion import SecondOpinion
from online_models.snapshots import decode, encode_pieces, read_meta
from online_models.views import new_views, with_masks
from online_models.withheld import Records, Withheld
from online_models.young import Watched

if TYPE_CHECKING:
    from collections.abc import Mapping

    from online_models.kinds.kind import Kind
    from online_models.types import Feedback, ScoredBatch

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
