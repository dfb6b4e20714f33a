"""Records with their devices as people say which are one: of each log kind from the record on at which that was said.

Evidence names the ends of records first (`ingest.context.identity`); what people say holds against it.
"""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from api.state.devices.model_names import Names
from ingest.records import DEVICES, RecordBatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from api.state.devices.model_names import Renaming

_ENDS: Final = ("id.orig_h", "id.resp_h")
_BETWEEN: Final = "\x1f"
"""Between a name and an address, neither of which has it."""


class Renamings:
    """Who is known to the models by which name, as people say; belongs to the pipeline thread.

    Parameters
    ----------
    changes
        What was said, in its order.
    applied
        The number of the last of these that the models have been through; None if they are new, and never knew others.
    records
        How many records of each log kind the models had followed then.
    """

    def __init__(
        self, changes: Iterable[Renaming] = (), applied: int | None = None, records: Mapping[str, int] | None = None
    ) -> None:
        self.latest, self._last = Names(), 0
        self._waiting: defaultdict[str, deque[Renaming]] = defaultdict(deque)
        self._now: dict[str, Names] = {}
        for change in changes:
            if applied is not None and change.id > applied:
                self._await(change, records or {})
            self.latest, self._last = change.names, change.id

    def _await(self, change: Renaming, records: Mapping[str, int]) -> None:
        for kind in {*records, *change.records}:
            waiting, at = self._waiting[kind], change.records.get(kind, 0)
            while waiting and waiting[-1].records.get(kind, 0) >= at:
                waiting.pop()  # that was before a crash, after which fewer records were followed again
            if at > records.get(kind, 0):
                self._now.setdefault(kind, self.latest)
                waiting.append(change)

    @property
    def applied(self) -> int:
        """The number of the last change that holds for every log kind."""
        return min((waiting[0].id - 1 for waiting in self._waiting.values() if waiting), default=self._last)

    def at(self, kind: str) -> Names:
        """Return the names that hold for the next record of a log kind."""
        return self._now.get(kind, self.latest)

    def until(self, kind: str) -> int | None:
        """Return after how many records of a log kind other names hold; None if that is not known."""
        waiting = self._waiting.get(kind)
        return waiting[0].records[kind] if waiting else None

    def due(self, kind: str, records: int) -> Iterator[dict[str, str]]:
        """Have names hold that are due after so many records of a kind; yield which names were merged into others."""
        waiting = self._waiting.get(kind)
        while waiting and waiting[0].records[kind] <= records:
            before, now = self.at(kind), waiting.popleft().names
            self._now[kind] = now
            yield _merged_since(before, now)

    def adopt(self, change: Renaming) -> dict[str, dict[str, str]]:
        """Have names hold from now on; return for each log kind that differs which were merged, the others' as ``""``.

        What was said before and has not been reached again after a crash is part of it.
        """
        merged = {kind: _merged_since(self.at(kind), change.names) for kind in ("", *self._now)}
        self.latest, self._last = change.names, change.id
        self._waiting.clear()
        self._now.clear()
        return merged

    def of(self, batch: RecordBatch) -> RecordBatch:
        """Return the batch with the names of devices at its ends as the models shall know them."""
        names = self.at(batch.kind)
        if not (names.split or names.merged) or _ENDS[0] not in batch.frame.columns:
            return batch
        columns = [_renamed(batch.frame, end, column, names) for end, column in zip(_ENDS, DEVICES, strict=True)]
        return RecordBatch(batch.kind, batch.frame.with_columns(columns), batch.source)


def _merged_since(before: Names, now: Names) -> dict[str, str]:
    return {name: into for name, into in now.merged.items() if before.of(name) != into}


def _renamed(frame: pl.DataFrame, end: str, column: str, names: Names) -> pl.Expr:
    """Return the names of the devices at one end, null where that is the address."""
    address = pl.col(end)
    by_evidence = pl.coalesce(column, end) if column in frame.columns else address
    name: Any = by_evidence
    if names.split:
        old = [f"{known_as}{_BETWEEN}{at}" for known_as, at in names.split]
        key = pl.concat_str(by_evidence, address, separator=_BETWEEN)
        name = key.replace_strict(old, list(names.split.values()), default=by_evidence, return_dtype=pl.String)
    if names.merged:
        name = name.replace(list(names.merged), list(names.merged.values()))
    return pl.when(name != address).then(name).otherwise(pl.lit(None, pl.String)).alias(column)
