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
from api.serve.stream.messages import AlertMessage, alert_message, drift_message, hello
from api.serve.stream.outbox import Outbox
from api.serve.stream.pace import UpdatePace
from api.serve.stream.past import kept_form, past
from api.serve.stream.scores import ScoresMessage
from api.serve.stream.sender import Sender, Shared
from api.state.store.untold import forget_told
from api.state.store.writer import DEFAULT_SITE

if TYPE_CHECKING:
    import sqlite3
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Iterator, Sequence

    from api.serve.stream.channel import Subscriber
    from api.serve.stream.sender import Manner
    from api.serve.stream.shapes import Outlet
    from api.state.store import AlertChange, DriftChange
    from api.state.store.sequence import Archive, KeptMessage
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
    """Numbers a stream's messages, and keeps them."""

    last: int

    def keep(self, messages: list[KeptMessage], done: Callable[[sqlite3.Connection], object] = lambda _: None) -> bool:
        """Keep messages, whose numbers follow the last one; False if that is not possible now, and nothing was done."""

    def skip(self, last: int, messages: list[KeptMessage] | None = None) -> None:
        """Take the numbers up to one, of messages that are not kept now."""


class _FromOne:
    """The numbers of a single run, which keeps nothing."""

    def __init__(self) -> None:
        self.last = 0

    def keep(self, messages: list[KeptMessage], done: Callable[[sqlite3.Connection], object] = lambda _: None) -> bool:
        """Take the numbers."""
        del done
        self.last = messages[-1].seq
        return True

    def skip(self, last: int, messages: list[KeptMessage] | None = None) -> None:
        """Take the numbers."""
        del messages
        self.last = last


@dataclass(frozen=True, slots=True)
class Kept:
    """Where earlier runs have left numbers and messages, and the name of the state in which both are."""

    alert_numbers: Numbers
    event_numbers: Numbers
    alerts: Archive | None = None
    events: Archive | None = None
    state: str = ""


class Hub:
    """All streams. `publish_*` belong to the pipeline thread, everything else to the asyncio loop."""

    def __init__(
        self,
        limits: StreamLimits,
        kept: Kept | None = None,
        clock: Clock | None = None,
        site: str = DEFAULT_SITE,
    ) -> None:
        """Go on with what earlier runs have `kept`, or begin with 1."""
        kept = kept or Kept(_FromOne(), _FromOne())
        self.limits = limits
        self.site = site
        self.stream_id = uuid.uuid4().hex
        self.state = kept.state or self.stream_id
        self._alert_numbers = kept.alert_numbers
        self.alerts = Channel(limits.history, self._alert_numbers.last, past(kept.alerts))
        self.scores = Channel(history=0)
        self.happenings = Happenings(limits.history, kept.event_numbers, site, past(kept.events))
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
        channels = (self.alerts, self.scores, self.events)
        return sum(len(channel.subscribers) + len(channel.behind) for channel in channels)

    @property
    def is_full(self) -> bool:
        """Whether there are as many subscribers as may be."""
        return self.subscribers >= self.limits.max_subscribers

    @contextmanager
    def reading_alerts(
        self, since_seq: int | None, since_state: str | None = None
    ) -> Iterator[tuple[bytes, Subscriber]]:
        """Yield the greeting and the queue of a new subscriber; what comes is exactly what follows the greeting."""
        with self._reading(self.alerts, since_seq, since_state) as reading:
            yield reading

    @contextmanager
    def reading_events(
        self, since_seq: int | None, since_state: str | None = None
    ) -> Iterator[tuple[bytes, Subscriber]]:
        """Yield the same for what happens to the service."""
        with self._reading(self.events, since_seq, since_state) as reading:
            yield reading

    @contextmanager
    def _reading(
        self, channel: Channel, since_seq: int | None, since_state: str | None
    ) -> Iterator[tuple[bytes, Subscriber]]:
        greeting = hello(channel.seq, self.stream_id, self.site, self.state)
        is_ours = since_state in {None, self.state}
        with channel.subscribed(self.limits.subscriber_queue, since_seq, is_ours=is_ours) as subscriber:
            yield greeting, subscriber

    @contextmanager
    def reading_scores(self) -> Iterator[tuple[bytes, Subscriber]]:
        """Yield the same for scores, of which fewer wait."""
        greeting = hello(self.scores.seq, self.stream_id, self.site, self.state)
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

    def publish_untold(self, alerts: Sequence[AlertChange], drifts: Sequence[DriftChange]) -> None:
        """Send at once what an earlier run has stored and did not come to send."""
        self._send_alerts(alerts)
        self.publish_drifts(drifts)

    def publish_rest(self) -> None:
        """Send the updates that were held back: no later ones will come."""
        self._send_alerts(self._pace.rest())

    def _send_alerts(self, changes: Sequence[AlertChange]) -> None:
        if not changes:
            return
        first = self._alert_numbers.last + 1
        messages = [alert_message(seq, change) for seq, change in enumerate(changes, first)]
        self._send(messages, [change.alert.id for change in changes])

    def publish_drifts(self, changes: Sequence[DriftChange]) -> None:
        """Send what many devices began to do to all subscribers of alerts."""
        if not changes:
            return
        first = self._alert_numbers.last + 1
        messages = [drift_message(seq, change) for seq, change in enumerate(changes, first)]
        self._send(messages, [change.drift.id for change in changes])

    def _send(self, messages: Sequence[AlertMessage], told: Sequence[str]) -> None:
        """Keep messages, and send them: an alert does not wait for a disk that refuses."""
        kept = [kept_form(message) for message in messages]
        if not self._alert_numbers.keep(kept, lambda connection: forget_told(connection, told)):
            self._alert_numbers.skip(kept[-1].seq, kept)
        self._alerts_out.put(list(messages))

    def publish_scores(self, batch: ScoredBatch) -> None:
        """Send a batch to all subscribers of scores; costs nothing while there are none."""
        if not self.scores.subscribers:
            return
        for start in range(0, len(batch), _ROWS_PER_MESSAGE):
            self._score_seq += 1
            stop = min(start + _ROWS_PER_MESSAGE, len(batch))
            self._scores_out.put([ScoresMessage(self._score_seq, batch, start, stop, self.site)])
