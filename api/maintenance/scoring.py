"""The models beside windows: what is in one is scored, and the models stay as they are."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import polars as pl

from ingest.records import RecordBatch
from online_models.types import ScoredBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    import numpy.typing as npt

    from api.maintenance.window import Window
    from ingest.context.identity import Identity

    Mask = npt.NDArray[np.bool_]


class ScoringModels(Protocol):
    """What is asked of the models."""

    def process(self, batch: RecordBatch) -> ScoredBatch:
        """Score, learn, and raise alerts."""

    def score(self, batch: RecordBatch) -> ScoredBatch:
        """Only score."""

    def devices_in(self, batch: RecordBatch) -> list[str]:
        """Return the address of each record's device."""


class Maintained:
    """Goes between records and models. Belongs to the pipeline thread.

    What is outside of windows goes through the models as if what is inside had never been, so that where a log is cut
    changes neither models nor alerts. What is inside is scored by the models as they are before its batch.

    Attributes
    ----------
    records
        Records that were inside, since the start.
    """

    def __init__(
        self,
        models: ScoringModels,
        windows: Callable[[], Sequence[Window]] = tuple,
        lookup: Callable[[str], Identity | None] = lambda _: None,
        tagged: Callable[[str], Iterable[str]] = lambda _: (),
        beside: Callable[[str], Collection[str]] = lambda _: (),
    ) -> None:
        """Ask with each batch for all `windows`, who is behind an address, and which addresses and MACs have a tag.

        `beside` gives the other addresses and MACs of the device at an address, where people have merged several.
        """
        self._models, self._windows, self._lookup, self._tagged = models, windows, lookup, tagged
        self._beside = beside
        self.records = 0

    def process(self, batch: RecordBatch) -> ScoredBatch:
        """Score every record; learn, and raise alerts of, those that are in no window."""
        inside = self._inside(batch)
        if inside is None or not inside.any():
            return self._models.process(batch)
        self.records += int(inside.sum())
        quiet = self._models.score(_rows(batch, inside))
        if inside.all():
            return replace(quiet, alerts=())
        return _merged(inside, quiet, self._models.process(_rows(batch, ~inside)))

    def _inside(self, batch: RecordBatch) -> Mask | None:
        """Return which records are in a window; None, at once, if no window is about their time."""
        windows = self._windows()
        if not windows or not len(batch):
            return None
        ts = batch.frame["ts"].fill_null(0.0).to_numpy()
        first, last = ts.min(), ts.max()
        windows = [window for window in windows if window.begins_at <= last and first < window.ends_at]
        if not windows:
            return None
        inside, devices = np.zeros(len(batch), np.bool_), np.array(self._models.devices_in(batch), object)
        tagged = lru_cache(maxsize=None)(lambda tag: frozenset(self._tagged(tag)))
        for window in windows:
            during = (window.begins_at <= ts) & (ts < window.ends_at) & ~inside
            meant = [d for d in set(devices[during]) if window.scope.covers(d, self._lookup(d), tagged, self._beside)]
            inside |= during & np.isin(devices, meant)
        return inside


def _rows(batch: RecordBatch, mask: Mask) -> RecordBatch:
    return RecordBatch(batch.kind, batch.frame.filter(pl.Series(mask)), batch.source)


def _merged(inside: Mask, quiet: ScoredBatch, loud: ScoredBatch) -> ScoredBatch:
    """Return both in the order of their batch; only what is outside has alerts."""
    places = np.concatenate([np.flatnonzero(inside), np.flatnonzero(~inside)])
    order = np.argsort(places)

    def joined(one: Any, other: Any) -> Any:
        if isinstance(one, list):
            both = one + other
            return [both[row] for row in order]
        return np.concatenate([one, other])[order]

    rows = {f.name: joined(getattr(quiet, f.name), getattr(loud, f.name)) for f in fields(quiet) if f.name in _ROWS}
    reasons = {int(places[row]): why for row, why in quiet.reasons.items()}
    reasons |= {int(places[len(quiet) + row]): why for row, why in loud.reasons.items()}
    views = {name: joined(quiet.views[name], loud.views[name]) for name in loud.views}
    return ScoredBatch(kind=loud.kind, **rows, reasons=reasons, alerts=loud.alerts, views=views)


_ROWS = ("uid", "device", "ts", "score", "anomaly")
