"""Gives ssl records the subject and the issuer of their certificate, where only x509.log has them.

Since version 8, Zeek may write into ssl.log no more than the fingerprints of a certificate's chain
(``cert_chain_fps``; before, identifiers of files in ``cert_chain_fuids``), and a certificate once a day into x509.log.
The two files are flushed each at its own time; so an ssl record whose certificate is not known yet waits for it, and
those after it with it, which keeps their order.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from ingest.records import SCHEMAS, RecordBatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy.typing as npt

ROOM: Final = 1 << 13
"""Certificates that are remembered; the ones unused for longest leave first."""
WAIT_S: Final = 5.0
"""An ssl record waits so long for its certificate, by log time or by the clock: Zeek flushes each log every second."""
MOST_WAITING: Final = 10_000

_TEXT: Final = 1024
"""Characters of a name that are kept: X.520 lets none of its parts have more than 64 but a few."""
_Names = tuple[str | None, str | None]


class Certificates:
    """Knows certificates by what ssl.log calls them. How records are cut into batches does not matter.

    Parameters
    ----------
    state
        What `state` returned, to go on from there.
    """

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        known = state or {"known": [], "waiting": [], "newest": float("-inf")}
        self._known: OrderedDict[str, _Names] = OrderedDict((name, tuple(names)) for name, names in known["known"])
        self._waiting = pl.DataFrame(known["waiting"], schema=SCHEMAS["ssl"])
        self._newest: float = known["newest"] if known["newest"] is not None else float("-inf")
        self._waits_since: float | None = None
        self._source = ""

    def state(self) -> dict[str, Any]:
        """Return everything in JSON types."""
        newest = self._newest if np.isfinite(self._newest) else None
        return {"known": list(self._known.items()), "waiting": self._waiting.to_dicts(), "newest": newest}

    def of(self, batches: Iterable[RecordBatch], now: float = 0.0) -> list[RecordBatch]:
        """Return the batches without x509's, with ssl records that are complete or have waited long enough.

        ``now`` is the clock's, for `overdue`.
        """
        listed = list(batches)
        for batch in listed:
            if batch.kind == "x509":
                self._learn(batch.frame)
            if batch.kind in {"x509", "ssl", "conn"} and len(batch):
                self._newest = max(
                    self._newest, float(np.nanmax(batch.frame["ts"].fill_null(np.nan).to_numpy(), initial=self._newest))
                )
        others = [batch for batch in listed if batch.kind not in {"x509", "ssl"}]
        told = [batch for batch in listed if batch.kind == "ssl"]
        if not told and not self._waiting.height:
            return others
        self._source = told[-1].source if told else self._source
        self._waiting = pl.concat([self._waiting, *(batch.frame for batch in told)])
        return [*others, *self._release(self._first_that_waits(), now)]

    def overdue(self, now: float) -> list[RecordBatch]:
        """Return what has waited too long by the clock: where nothing else happens, log time stands still."""
        if self._waits_since is None or now - self._waits_since < WAIT_S:
            return []
        return self.release_all()

    def release_all(self) -> list[RecordBatch]:
        """Return all that waits."""
        return self._release(self._waiting.height, 0.0)

    def _learn(self, frame: pl.DataFrame) -> None:
        names = (pl.col(f"certificate.{name}").str.head(_TEXT) for name in ("subject", "issuer"))
        called = pl.coalesce("fingerprint", "id")
        for name, subject, issuer in frame.select(called, *names).drop_nulls("fingerprint").iter_rows():
            self._known[name] = subject, issuer
            self._known.move_to_end(name)
            if len(self._known) > ROOM:
                self._known.popitem(last=False)

    def _first_that_waits(self) -> int:
        """Fill in what is known; return the number of the first record that waits on, that of all if none does."""
        frame = self._waiting
        called = frame.select(_certificate()).to_series().to_list()
        names = [self._known.get(name, (None, None)) if name else (None, None) for name in called]
        found = pl.DataFrame(names, schema={"subject": pl.String(), "issuer": pl.String()}, orient="row")
        self._waiting = frame.with_columns(
            pl.coalesce(name, pl.lit(found[name])).alias(name) for name in ("subject", "issuer")
        )
        for name in filter(self._known.__contains__, called):
            self._known.move_to_end(str(name))
        young = (frame["ts"] > self._newest - WAIT_S).fill_null(value=False).to_numpy()
        unknown = np.array([name is not None and name not in self._known for name in called], np.bool_)
        waits: npt.NDArray[np.int64] = np.flatnonzero(unknown & young)
        first = int(waits[0]) if len(waits) else frame.height
        return max(first, frame.height - MOST_WAITING)

    def _release(self, count: int, now: float) -> list[RecordBatch]:
        released, self._waiting = self._waiting[:count], self._waiting[count:]
        if not self._waiting.height:
            self._waits_since = None
        elif count or self._waits_since is None:
            self._waits_since = now
        return [RecordBatch("ssl", released, self._source)] if count else []


def _certificate() -> pl.Expr:
    """Return by what name x509.log knows the certificate of a server whose names are not told; null if they are."""
    untold = pl.col("subject").is_null() & pl.col("issuer").is_null()
    chains = (pl.col(name).list.first() for name in ("cert_chain_fps", "cert_chain_fuids"))
    return pl.when(untold).then(pl.coalesce(*chains)).alias("certificate")
