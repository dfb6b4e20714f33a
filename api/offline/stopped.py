"""Counts the records of finished logs that blocks would not have let through."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl

from prevention import addresses
from prevention.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingest.records import RecordBatch
    from online_models.types import ScoredBatch
    from prevention.addresses import Network
    from prevention.decisions import Decision
    from prevention.store.holders import Holders

_ORIG: Final = pl.col("id.orig_h")
_RESP: Final = pl.col("id.resp_h")
_NAMES: Final = {"dns": "query", "http": "host"}
"""Log kind to the field that names a domain."""
_LATE_S: Final = 86_400.0
"""So long after its end a block is still looked at: a record is written when its connection ends."""


@dataclass(slots=True)
class _Block:
    decision: Decision
    end: float
    ordinary: Counter[str] = field(default_factory=Counter)
    anomalous: Counter[str] = field(default_factory=Counter)


class Stopped:
    """Knows every block, with the records that began within it.

    `allow` are the addresses and prefixes that a device in quarantine may still reach.
    """

    def __init__(self, allow: Sequence[str] = ()) -> None:
        self._allow = [addresses.network(one) for one in allow]
        self._blocks: dict[str, _Block] = {}
        self._open: dict[str, _Block] = {}

    def take(self, decision: Decision, at: float) -> None:
        """Note that a decision was made or has changed at a time of the logs, epoch seconds."""
        if decision.state == "active":
            found = self._blocks.setdefault(decision.id, _Block(decision, decision.until))
            self._open[decision.id] = found
            found.end = decision.until
        elif decision.state == "revoked" and decision.id in self._blocks:
            self._blocks[decision.id].end = at

    def of(self, identifier: str) -> tuple[Counter[str], Counter[str]]:
        """Return the ordinary and the anomalous records that a block would have stopped, by log kind."""
        found = self._blocks.get(identifier)
        return (found.ordinary, found.anomalous) if found else (Counter(), Counter())

    def count(self, batch: RecordBatch, scored: ScoredBatch, holders: Holders) -> None:
        """Count the records of a scored batch; each counts once for every block in whose way it is."""
        if not (self._open and len(batch)):
            return
        columns = ["ts", "id.orig_h", "id.resp_h", *([_NAMES[batch.kind]] if batch.kind in _NAMES else [])]
        frame = batch.frame.select(columns).with_columns(pl.Series("anomaly", scored.anomaly))
        low, high = float(scored.ts.min()), float(scored.ts.max())
        for identifier, block in list(self._open.items()):
            if block.end > low and block.decision.made_at <= high:
                self._count(block, batch.kind, frame, holders)
            elif block.end + _LATE_S < low:
                del self._open[identifier]

    def _count(self, block: _Block, kind: str, frame: pl.DataFrame, holders: Holders) -> None:
        when = (pl.col("ts") >= block.decision.made_at) & (pl.col("ts") < block.end)
        stopped = frame.filter(when & self._touched(block.decision, kind, frame, holders))["anomaly"]
        anomalous = int(stopped.sum())
        block.anomalous[kind] += anomalous
        block.ordinary[kind] += len(stopped) - anomalous

    def _touched(self, decision: Decision, kind: str, frame: pl.DataFrame, holders: Holders) -> pl.Expr:
        target = decision.target
        if target.kind == "domain":
            return _of_domain(target.domain, _NAMES.get(kind))
        if target.kind == "peer":
            return _Among([target.peer]).either()
        device = _Among(holders.of(target.device))
        if target.kind == "pair":
            peer = _Among([target.peer])
            return (device.orig & peer.resp) | (device.resp & peer.orig)
        if decision.action == "quarantine":
            allowed = _Among(_within(self._allow, frame))
            return (device.orig & ~allowed.resp) | (device.resp & ~allowed.orig)
        return device.either()


@dataclass(frozen=True, slots=True)
class _Among:
    """Whether the ends of a record are among some addresses."""

    hosts: list[str]

    @property
    def orig(self) -> pl.Expr:
        return _ORIG.is_in(self.hosts)

    @property
    def resp(self) -> pl.Expr:
        return _RESP.is_in(self.hosts)

    def either(self) -> pl.Expr:
        return self.orig | self.resp


def _of_domain(domain: str, field_name: str | None) -> pl.Expr:
    if field_name is None:
        return pl.lit(value=False)
    name = pl.col(field_name).cast(pl.String).str.to_lowercase().str.strip_suffix(".")
    return ((name == domain) | name.str.ends_with(f".{domain}")).fill_null(value=False)


def _within(networks: Iterable[Network], frame: pl.DataFrame) -> list[str]:
    """Return the hosts of a frame that lie within some networks."""
    hosts = pl.concat([frame["id.orig_h"], frame["id.resp_h"]]).drop_nulls().unique()
    return [host for host in hosts if any(_is_within(host, network) for network in networks)]


def _is_within(host: str, network: Network) -> bool:
    try:
        found = addresses.network(host)
    except TargetError:
        return False
    return found.version == network.version and found.overlaps(network)
