"""The JSON messages of ``/ws/alerts`` and ``/ws/scores``. Every one has ``type`` and ``seq``."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson

if TYPE_CHECKING:
    from api.state.store import AlertChange, DriftChange
    from online_models.types import ScoredBatch


_DRIFT: Final = ("id", "subject", "sentence", "severity", "status", "first_ts", "last_ts", "devices", "behaviours")


@dataclass(frozen=True, slots=True)
class ScoreFilter:
    """Which rows a subscriber of scores wants."""

    min_score: float = 0.0
    device: str | None = None


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """One change of one alert or drift, encoded once for all subscribers."""

    seq: int
    text: str
    change: AlertChange | DriftChange

    def encode(self, _wanted: ScoreFilter) -> str:
        """Return the message; every subscriber of alerts gets all of them."""
        return self.text


@dataclass(frozen=True, slots=True)
class ScoresMessage:
    """Rows `start` to `stop` of one scored batch, encoded for each subscriber by its own filter."""

    seq: int
    batch: ScoredBatch
    start: int
    stop: int

    def encode(self, wanted: ScoreFilter) -> str | None:
        """Return the message with the rows that are wanted, or None if there are none."""
        scores = [score_row(self.batch, row) for row in self._rows(wanted)]
        if not scores:
            return None
        return _text({"type": "scores", "seq": self.seq, "log": self.batch.kind, "scores": scores})

    def _rows(self, wanted: ScoreFilter) -> list[int]:
        rows: list[int] = (self.start + np.flatnonzero(self._window() >= wanted.min_score)).tolist()
        if wanted.device is None:
            return rows
        return [row for row in rows if self.batch.device[row] == wanted.device]

    def _window(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return self.batch.score[self.start : self.stop]


@dataclass(frozen=True, slots=True)
class Gap:
    """Stands for `dropped` messages, the last of them `seq`, that did not get through."""

    seq: int
    dropped: int

    def encode(self, _wanted: ScoreFilter) -> str:
        """Return the message; whoever missed something is told, whatever the filter."""
        return _text({"type": "gap", "seq": self.seq, "dropped": self.dropped})


Message = AlertMessage | ScoresMessage | Gap


def score_row(batch: ScoredBatch, row: int) -> dict[str, Any]:
    """Return one scored record as the service's answers, messages and files give it."""
    return {
        "log": batch.kind,
        "uid": batch.uid[row],
        "ts": float(batch.ts[row]),
        "device": batch.device[row],
        "score": float(batch.score[row]),
        "anomaly": bool(batch.anomaly[row]),
        "reasons": batch.reasons.get(row, ()),
    }


def alert_message(seq: int, change: AlertChange) -> AlertMessage:
    """Return the message that tells how an alert was raised, updated or closed."""
    owner = {"mac": change.owner and change.owner.mac, "host_name": change.owner and change.owner.host_name}
    alert = {field.name: getattr(change.alert, field.name) for field in fields(change.alert)} | owner
    text = _text({"type": "alert", "seq": seq, "change": change.change, "alert": alert})
    return AlertMessage(seq, text, change)


def drift_message(seq: int, change: DriftChange) -> AlertMessage:
    """Return the message that tells how many devices began the same, in place of their alerts."""
    drift = change.drift
    told = {name: getattr(drift, name) for name in _DRIFT}
    alerts = [alert.id for alert in drift.alerts]
    text = _text({"type": "drift", "seq": seq, "change": change.change, "drift": {**told, "alerts": alerts}})
    return AlertMessage(seq, text, change)


def hello(seq: int, stream: str) -> str:
    """Return the first message of a connection: the last sequence number, and which run of the service counts it."""
    return _text({"type": "hello", "seq": seq, "stream": stream})


def _text(message: dict[str, Any]) -> str:
    return orjson.dumps(message).decode()
