"""Where scored batches and alert changes leave the pipeline thread and become numbered messages."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from api.delays import Delays
from api.pipeline.clock import Clock
from api.serve.stream.allowance import Allowance
from api.serve.stream.channel import Channel
from api.serve.stream.envelopes import Envelopes
from api.serve.stream.happenings import Happenings
from api.serve.stream.messages import alert_message, drift_message, hello
from api.serve.stream.outbox import Outbox
from api.serve.stream.pace import UpdatePace
from api.serve.stream.scores import ScoresMessage
from api.serve.stream.sender import Sender, Shared
from api.state.store.writer import DEFAULT_SITE

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Iterator, Sequence

    from api.serve.stream.channel import Subscriber
    from api.serve.stream.sender import Manner
    from api.serve.stream.shapes import Outlet
    from api.state.store import AlertChange, DriftChange
    from online_models.types import ScoredBatch

_ROWS_PER_MESSAGE: Final = 1000
_OUTBOX_MESSAGES: Final = 4096
_SCORES_QUEUE: Final = 32  # a live picture: whoever is further behind is better served by what is new


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How much is kept for slow or returning subscribers, and how many there may be."""

    subscriber_queue: int = 256
    history: int = 1000
    max_subscribers: int = 256


class Numbers(Protocol):
    """Numbers a stream's messages."""

    last: int

    def take(self, count: int) -> int:
        """Take so many numbers and return the first of them."""


class _FromOne:
    """The numbers of a single run."""

    def __init__(self) -> None:
        self.last = 0

    def take(self, count: int) -> int:
        """Take so many numbers and return the first of them."""
        self.last += count
        return self.last - count + 1


class Hub:
    """All streams. `publish_*` belong to the pipeline thread, everything else to the asyncio loop."""

    def __init__(
        self,
        limits: StreamLimits,
        numbers: Numbers | None = None,
        clock: Clock | None = None,
        site: str = DEFAULT_SITE,
        event_numbers: Numbers | None = None,
    ) -> None:
        """Go on with the `numbers` of earlier runs, of alerts and of events, or begin with 1."""
        self.limits = limits
        self.site = site
        self.stream_id = uuid.uuid4().hex
        self._alert_numbers = numbers or _FromOne()
        self.alerts = Channel(limits.history, self._alert_numbers.last)
        self.scores = Channel(history=0)
        self.happenings = Happenings(limits.history, event_numbers or _FromOne(), site)
        self.events = self.happenings.channel
        self._alerts_out = Outbox(_OUTBOX_MESSAGES)
        self._scores_out = Outbox(_OUTBOX_MESSAGES)
        self._clock = clock or Clock()
        self._pace = UpdatePace()
        self._shared = Shared(Allowance(self._clock.monotonic), Envelopes(), self._note_sent)
        self._score_seq = 0
        self.sent_delays = Delays()
        """Seconds from when an alert was raised until it was written to a subscriber."""

    def attach(self, loop: AbstractEventLoop) -> None:
        """Deliver in this loop from now on."""
        self._alerts_out.attach(loop, lambda: self.alerts.publish(self._alerts_out.drain()))
        self._scores_out.attach(loop, lambda: self.scores.publish(self._scores_out.drain()))
        self.happenings.attach(loop)

    def detach(self) -> None:
        """Deliver nothing any more."""
        self._alerts_out.detach()
        self._scores_out.detach()
        self.happenings.detach()

    @property
    def subscribers(self) -> int:
        """Number of connections, all streams together."""
        return sum(len(channel.subscribers) for channel in (self.alerts, self.scores, self.events))

    @property
    def is_full(self) -> bool:
        """Whether there are as many subscribers as may be."""
        return self.subscribers >= self.limits.max_subscribers

    @contextmanager
    def reading_alerts(self, since_seq: int | None) -> Iterator[tuple[bytes, Subscriber]]:
        """Yield the greeting and the queue of a new subscriber; what comes is exactly what follows the greeting."""
        with self._reading(self.alerts, since_seq) as reading:
            yield reading

    @contextmanager
    def reading_events(self, since_seq: int | None) -> Iterator[tuple[bytes, Subscriber]]:
        """Yield the same for what happens to the service."""
        with self._reading(self.events, since_seq) as reading:
            yield reading

    @contextmanager
    def _reading(self, channel: Channel, since_seq: int | None) -> Iterator[tuple[bytes, Subscriber]]:
        greeting = hello(channel.seq, self.stream_id, self.site)
        with channel.subscribed(self.limits.subscriber_queue, since_seq) as subscriber:
            yield greeting, subscriber

    @contextmanager
    def reading_scores(self) -> Iterator[tuple[bytes, Subscriber]]:
        """Yield the same for scores, of which fewer wait."""
        greeting = hello(self.scores.seq, self.stream_id, self.site)
        with self.scores.subscribed(min(self.limits.subscriber_queue, _SCORES_QUEUE)) as subscriber:
            yield greeting, subscriber

    def sender(self, outlet: Outlet, subscriber: Subscriber, manner: Manner) -> Sender:
        """Return what sends to one connection what waits in its queue."""
        return Sender(outlet, subscriber, manner, self._shared)

    def _note_sent(self, first_raised_at: float, count: int) -> None:
        self.sent_delays.add(self._clock.monotonic() - first_raised_at, count)

    @property
    def waiting(self) -> int:
        """Number of messages in the longest queue of a subscriber."""
        everyone = self.alerts.subscribers | self.scores.subscribers | self.events.subscribers
        return max((len(subscriber) for subscriber in everyone), default=0)

    def publish_alerts(self, changes: Sequence[AlertChange]) -> None:
        """Send what changed to all subscribers of alerts; updates of one not too often, the rest when called again."""
        told = [change for change in changes if not change.is_quiet]
        self._send_alerts(self._pace.admit(told, self._clock.monotonic()))

    def publish_rest(self) -> None:
        """Send the updates that were held back: no later ones will come."""
        self._send_alerts(self._pace.rest())

    def _send_alerts(self, changes: Sequence[AlertChange]) -> None:
        if not changes:
            return
        first = self._alert_numbers.take(len(changes))
        self._alerts_out.put([alert_message(seq, change) for seq, change in enumerate(changes, first)])

    def publish_drifts(self, changes: Sequence[DriftChange]) -> None:
        """Send what many devices began to do to all subscribers of alerts."""
        first = self._alert_numbers.take(len(changes))
        self._alerts_out.put([drift_message(seq, change) for seq, change in enumerate(changes, first)])

    def publish_scores(self, batch: ScoredBatch) -> None:
        """Send a batch to all subscribers of scores; costs nothing while there are none."""
        if not self.scores.subscribers:
            return
        for start in range(0, len(batch), _ROWS_PER_MESSAGE):
            self._score_seq += 1
            stop = min(start + _ROWS_PER_MESSAGE, len(batch))
            self._scores_out.put([ScoresMessage(self._score_seq, batch, start, stop, self.site)])
