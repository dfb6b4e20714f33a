"""The JSON messages about alerts, and what both streams share. Every one has ``type`` and ``seq``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import orjson

from api.alert import alert_fields, link_to
from api.serve.stream.wanted import EVERYTHING, About, about_alert, about_drift

if TYPE_CHECKING:
    from api.serve.stream.scores import ScoresMessage
    from api.serve.stream.shapes import Shape
    from api.serve.stream.wanted import Wanted
    from api.state.store import AlertChange, DriftChange

    Message: TypeAlias = "TextMessage | ScoresMessage | Gap"

_DRIFT: Final = ("id", "subject", "sentence", "severity", "status", "first_ts", "last_ts", "devices", "behaviours")
_NOTHING: Final = About()
GapReason = Literal["slow", "old", "lost", "other_state"]


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A message that is the same for all who want it, encoded once for them; `name` is its type.

    `raised_at` is when that was raised of which it tells for the first time, monotonic seconds.
    """

    seq: int
    text: bytes
    name: str
    about: About = _NOTHING
    raised_at: float | None = None
    _shaped: dict[Shape, bytes] = field(default_factory=dict)

    def cost(self, _wanted: Wanted) -> int:
        """Return the rows that are yet to be encoded: none."""
        return 0

    def encode(self, wanted: Wanted) -> bytes | None:
        """Return the message, or None if it is not wanted."""
        return self.text if wanted is EVERYTHING or wanted.lets(self.about) else None

    def shaped(self, wanted: Wanted, shape: Shape) -> bytes | None:
        """Return the same as a transport writes it, made once for all its subscribers."""
        if self.encode(wanted) is None:
            return None
        if shape not in self._shaped:
            self._shaped[shape] = shape(self.name, self.seq, self.text)
        return self._shaped[shape]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertMessage(TextMessage):
    """One change of one alert or drift."""

    change: AlertChange | DriftChange


@dataclass(frozen=True, slots=True)
class Gap:
    """Stands for `dropped` messages, the last of them `seq`, that did not get through, and why.

    The reader, or who makes messages for it, was too slow; they are too old to be kept; they were lost before they
    could be; or its number is one of another state.
    """

    seq: int
    dropped: int
    reason: GapReason = "slow"
    raised_at: None = None

    def cost(self, _wanted: Wanted) -> int:
        """Return the rows that are yet to be encoded: none."""
        return 0

    def encode(self, _wanted: Wanted) -> bytes:
        """Return the message; whoever missed something is told, whatever the filter."""
        return encoded({"type": "gap", "seq": self.seq, "dropped": self.dropped, "reason": self.reason})

    def shaped(self, wanted: Wanted, shape: Shape) -> bytes:
        """Return the same as a transport writes it."""
        return shape("gap", self.seq, self.encode(wanted))


def position(seq: int) -> bytes:
    """Return the message that tells how far a reader is who was not sent what it does not want."""
    return encoded({"type": "position", "seq": seq})


def batch(seq: int, messages: list[bytes]) -> bytes:
    """Return the envelope of several messages, whose number is that of the last of them."""
    return b'{"type":"batch","seq":%d,"messages":[%b]}' % (seq, b",".join(messages))


def alert_message(seq: int, change: AlertChange) -> AlertMessage:
    """Return the message that tells how an alert was raised, updated, closed or muted."""
    alert = alert_fields(change.alert, change.owner, link_to(change.alert.id))
    text = encoded({"type": "alert", "seq": seq, "site": change.alert.site, "change": change.change, "alert": alert})
    return AlertMessage(seq, text, "alert", about_alert(change), change.raised_at, change=change)


def drift_message(seq: int, change: DriftChange) -> AlertMessage:
    """Return the message that tells how many devices began the same, in place of their alerts."""
    drift = change.drift
    told = {name: getattr(drift, name) for name in _DRIFT}
    alerts = [alert.id for alert in drift.alerts]
    head = {"type": "drift", "seq": seq, "site": drift.gravest.site, "change": change.change}
    text = encoded({**head, "drift": {**told, "alerts": alerts}})
    return AlertMessage(seq, text, "drift", about_drift(change), change=change)


def hello(seq: int, stream: str, site: str, state: str) -> bytes:
    """Return the first message of a connection: the last number, which run of the service counts, site, and state."""
    return encoded({"type": "hello", "seq": seq, "stream": stream, "site": site, "state": state})


def encoded(message: dict[str, Any]) -> bytes:
    """Return a message as it is sent."""
    return orjson.dumps(message)
