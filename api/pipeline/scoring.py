"""One record batch through the models: scores to their readers, alerts to the store and theirs."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter, deque
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from api.delays import Delays
from api.errors import AnsweredError, BusyError, ClosedError, NoAlertError
from api.maintenance import Maintained
from api.pipeline.clock import later
from api.pipeline.hearing import Position, acknowledged, answered
from api.pipeline.naming import PeerNaming
from api.pipeline.pieces import in_one_piece
from api.pipeline.renaming import Renamings
from api.state.devices.model_names import Renaming
from api.state.store import AlertChange
from api.state.store.evidence import KEPT
from api.state.store.writer import with_what_was_said
from ingest.context.evidence import evidence_in
from ingest.context.names import NAMING
from online_models.kinds import KINDS
from online_models.service import DEVICE, LOG

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from api.devices.sightings import Sightings
    from api.state.devices.grouping import Regrouped
    from api.state.store import AlertWriter, DriftChange
    from api.state.store.journal import JournalEntry
    from api.state.store.muting import Change
    from ingest.context.evidence import Evidence
    from ingest.records import RecordBatch
    from online_models.engine import Engine
    from online_models.types import Alert, Handling, ScoredBatch, Verdict


class Listener(Protocol):
    """Who is told of scores and alerts; must not wait."""

    def publish_scores(self, batch: ScoredBatch) -> None:
        """Take one scored batch."""

    def publish_alerts(self, changes: Sequence[AlertChange]) -> None:
        """Take what changed in the store; they may hold updates back for a while, and are asked again with none."""

    def publish_drifts(self, changes: Sequence[DriftChange]) -> None:
        """Take the drifts that have begun or grown."""


class Scorer:
    """The models with what follows them. The thread that owns it is the only one that touches the models.

    ``last_ts`` is the latest log time seen; so is ``log_ts``, but that it leaves out the last hundredth of each batch
    and begins anew with logs of other days: a few wrong clocks do not move it for long. ``identify``
    gives records that come by request the devices at their ends; ``sightings``, if any, is shown what was
    scored; ``names_of`` returns by what names a device asked for peers; ``renamed`` returns devices that people call
    otherwise since it was last asked. ``own_alerts`` returns the open alerts that the service has about itself, None
    while it does not know them; an alert that is no longer among them is closed. ``maintained`` keeps what is in
    maintenance windows from the models, and ``renamings`` tells these which devices people say are one. ``raised``
    counts alerts by severity and behaviour, and ``stored_delays`` the seconds from when one is raised until the store
    has it.
    """

    def __init__(
        self,
        engine: Engine,
        writer: AlertWriter,
        readers: Listener,
        records: Mapping[str, int] | None = None,
        renamings: Renamings | None = None,
    ) -> None:
        """Take over models that have processed so many `records` of each log kind.

        Feedback that the store knows and these models do not is repeated at the record at which it was given.
        """
        self.engine = engine
        self.identify: Callable[[RecordBatch], RecordBatch] = lambda batch: batch
        self.sightings: Sightings | None = None
        self.renamed: Callable[[], Sequence[str]] = tuple
        self.names_of: Callable[[str, Sequence[str]], Mapping[str, str]] = lambda _device, _peers: {}
        self.naming = PeerNaming(self._names_of)
        self.own_alerts: Callable[[], Sequence[Alert] | None] = lambda: None
        self._own: Sequence[Alert] | None = None
        self.maintained = Maintained(engine)
        self.renamings = renamings or Renamings()
        self._position = Position(records or {}, writer.journal.since(engine.heard()), self.renamings.until)
        self.scored = 0
        self.anomalies = 0
        self.changes: Counter[str] = Counter()
        self.raised: Counter[tuple[str, str]] = Counter()
        self.stored_delays = Delays()
        self.wall: Callable[[], float] = time.time
        self.monotonic: Callable[[], float] = time.monotonic
        self.last_ts = 0.0
        self.log_ts = 0.0
        self.not_modelled: Counter[str] = Counter()
        self.store_problem: str | None = None
        self._writer = writer
        self._readers = readers
        self._unstored: dict[str, Alert] = {}
        self._told: dict[str, Alert] = {}
        self._waiting_since: dict[str, float] = {}
        self._evidence: deque[Evidence] = deque(maxlen=KEPT)

    @property
    def unstored(self) -> int:
        """Number of alerts that wait for the store."""
        return len(self._unstored)

    def trouble(self) -> str | None:
        """Say what keeps alerts from being stored, None if nothing does."""
        return self.store_problem or self._writer.trouble()

    @property
    def evidence_evicted(self) -> int:
        """Number of sensors' findings that the store had to forget since the start."""
        return self._writer.evidence.evicted

    @property
    def pruned(self) -> dict[str, int]:
        """Rows that left the store since the start, as too old or too much, by table."""
        return dict(self._writer.retention.pruned)

    def process(self, batch: RecordBatch) -> ScoredBatch | None:
        """Score and learn a batch; None if its kind has no model, which is counted; what a sensor found is stored."""
        if batch.kind not in KINDS:
            self.not_modelled[batch.kind] += len(batch)
            self._evidence.extend(evidence_in(batch))
            self.store_alerts()
            return None
        piece = in_one_piece(self.renamings.of(batch))
        found = self.maintained.process(piece)
        named = (self.naming.named(replace(alert, site=self._writer.site)) for alert in found.alerts)
        scored = replace(found, alerts=tuple(named))
        self._count(scored)
        self._readers.publish_scores(scored)
        if self.sightings is not None:
            self.sightings.see(batch, scored)
        changed = [*scored.alerts, *(self.naming.named_since() if batch.kind in NAMING else ())]
        if changed:
            now = self.monotonic()
            for alert in changed:
                self._waiting_since.setdefault(alert.id, now)
                self._unstored[alert.id] = alert
            self.store_alerts()
        return scored

    def follow(self, batch: RecordBatch) -> None:
        """Process the next records of a log, whose number counts: they come again after a crash."""
        for piece in self._position.pieces(batch):
            self._do_what_is_due(batch.kind)
            self.process(piece)
        self._do_what_is_due(batch.kind)

    def records(self) -> dict[str, int]:
        """Return how many records of each log kind were followed, ever."""
        return dict(self._position.records)

    def take_feedback(self, identifier: str, verdict: Verdict, comment: str | None, *, revise: bool) -> Alert:
        """Write down what a person says of an alert, have the models take it in, and tell the readers.

        Raises
        ------
        NoAlertError, AnsweredError
            If there is no such alert, or the other verdict was given on it and this does not `revise` that.
        BusyError
            If the disk refuses; nothing has changed then.
        """
        if not self.store_alerts():
            raise BusyError(str(self.store_problem))
        alert = self._writer.get(identifier)
        if alert is None:
            raise NoAlertError("no alert of this identifier")
        if alert.verdict not in {None, verdict} and not revise:
            raise AnsweredError(f'this alert was called {alert.verdict} before; add "revise": true to change that')
        if alert.log == LOG:  # no model has raised it, and none learns of it
            self._unstored[alert.id] = acknowledged(alert, verdict, comment)
            if not self.store_alerts():
                raise BusyError(str(self.store_problem))
        elif alert.verdict != verdict:
            try:
                entry = self._writer.journal.add(alert, verdict, comment, self._position.records[alert.log])
                self._writer.sync()
            except sqlite3.Error as error:
                raise BusyError(f"feedback cannot be stored: {error}") from error
            self._hear(entry)
            self.store_alerts()
        return self._writer.get(identifier) or alert

    def handle(self, identifier: str, handling: Handling | None) -> Alert:
        """Put an open alert off, have somebody take care of it, or neither any more (None); tell the readers.

        Raises
        ------
        NoAlertError, ClosedError
            If there is no such alert, or it is closed.
        BusyError
            If the disk refuses; nothing has changed then.
        """
        alert = self._writer.get(identifier) if self.store_alerts() else None
        if self.store_problem:
            raise BusyError(self.store_problem)
        if alert is None:
            raise NoAlertError("no alert of this identifier")
        if alert.status == "closed":
            raise ClosedError("this alert is closed: nothing more is told of it")
        try:
            change = self._writer.handle(identifier, handling)
            self._writer.sync()
        except sqlite3.Error as error:
            raise BusyError(f"this cannot be stored: {error}") from error
        self._tell([change])
        return change.alert

    def accept_drift(self, identifier: str) -> None:
        """Call all alerts of a drift expected, but for those on which somebody has said something.

        Raises
        ------
        NoAlertError, BusyError
            If there is no such drift, or the disk refuses.
        """
        drift = self._writer.drift(identifier) if self.store_alerts() else None
        if drift is None:
            raise NoAlertError("no drift of this identifier; it may begin with an earlier alert now")
        for alert in drift.alerts:
            if alert.verdict is None:
                self.take_feedback(alert.id, "expected", f"accepted with drift {identifier}", revise=False)

    def regroup(self, change: Callable[[Mapping[str, int]], Regrouped]) -> Regrouped:
        """Have devices merged or split from the next records on; `change` is told how many were followed by now.

        Raises
        ------
        NoDeviceError, RegroupError
            As `change` does.
        BusyError
            If the disk refuses; nothing has changed then.
        """
        records = self.records()
        try:
            done = change(records)
        except sqlite3.Error as error:
            raise BusyError(f"this cannot be stored: {error}") from error
        merged = self.renamings.adopt(Renaming(done.id, done.names, records))
        for kind in KINDS:
            self.engine.rename(kind, merged.get(kind, merged[""]))
        self._writer.mutes.forget()
        return done

    def _names_of(self, known_as: str, peers: Sequence[str]) -> dict[str, str]:
        """Return by what names a device asked for peers, under whichever name evidence knows it."""
        found: dict[str, str] = {}
        for name in reversed(self.renamings.latest.evidence_of(known_as)):
            found |= self.names_of(name, peers)
        return found

    def _do_what_is_due(self, kind: str) -> None:
        for merged in self.renamings.due(kind, self._position.records[kind]):
            self.engine.rename(kind, merged)
        for entry in self._position.due(kind):
            self._hear(entry)

    def _hear(self, entry: JournalEntry) -> None:
        self.store_alerts()
        names = self.renamings.at(entry.feedback.alert.log)
        self.engine.hear(entry.feedback)
        self._unstored.update((alert.id, alert) for alert in answered(self._writer, entry, names))
        self.store_alerts()

    def _count(self, scored: ScoredBatch) -> None:
        self.scored += len(scored)
        self.anomalies += int(scored.anomaly.sum())
        if len(scored):
            self.last_ts = max(self.last_ts, float(scored.ts.max()))
            self.log_ts = later(self.log_ts, scored.ts)

    def store_alerts(self) -> bool:
        """Store what waits and tell the readers; while the disk refuses, it goes on waiting and False is returned."""
        if not (self._unstored or self._evidence):
            return True
        try:
            changes = self._writer.upsert(self._unstored.values()) if self._unstored else []
            if self._evidence:
                self._writer.evidence.add(self._evidence)
        except sqlite3.Error as error:
            self.store_problem = f"alerts cannot be stored: {error}"
            self._tell_unstored()
            return False
        self.store_problem = None
        self._note_delays(changes)
        known = [change.alert.id for change in changes if self._is_known(change.alert)]
        with suppress(sqlite3.Error):  # told once more after a crash, then
            self._writer.untold.forget(known)
        self._tell([self._after_told(change) for change in changes if change.alert.id not in known])
        self._unstored.clear()
        self._waiting_since.clear()
        self._evidence.clear()
        self._told.clear()
        self._readers.publish_drifts(self._writer.take_drifts())
        return True

    def _note_delays(self, changes: Sequence[AlertChange]) -> None:
        now = self.monotonic()
        for change in changes:
            if change.change == "raised" and change.alert.id in self._waiting_since:
                self.stored_delays.add(now - self._waiting_since[change.alert.id])

    def apply_rules(self) -> None:
        """Have rules that came, went or expired take effect on open alerts, and tell the readers; quick if none did."""
        with suppress(sqlite3.Error):  # tried again; a disk that refuses is told of by the alerts that it refuses
            changes = self._writer.remute()
            if changes:
                self._tell(changes)
                self._readers.publish_drifts(self._writer.take_drifts())

    def tell_what_is_due(self) -> None:
        """Have the readers, and those who are told later, pass on what was held back until now."""
        with suppress(sqlite3.Error):  # a disk that refuses is told of by the alerts that it refuses
            self._writer.changes.note_due()
            self._writer.retention.step(self.log_ts)
            self._tell(self._writer.unhandled(self.wall()))
            if renamed := self.renamed():
                self._tell(self._writer.renamed(renamed))
            self._take_own()
        self.store_alerts()
        self._readers.publish_alerts(())
        if self.sightings is not None:
            self.sightings.hand_over()

    def _take_own(self) -> None:
        """Store what the service tells of itself, if that is news, and close what it no longer tells."""
        told = self.own_alerts()
        if told is None or told == self._own:
            return
        open_now = {alert.id for alert in told}
        over = [alert for alert in self._writer.of_device(DEVICE, LOG) if alert.id not in open_now]
        news = [replace(alert, site=self._writer.site) for alert in told if not self._is_closed(alert)]
        news += [replace(alert, status="closed") for alert in over]
        self._unstored.update((alert.id, alert) for alert in news)
        self._own = told

    def _is_closed(self, alert: Alert) -> bool:
        stored = self._writer.get(alert.id)
        return stored is not None and stored.status == "closed"

    def _is_known(self, alert: Alert) -> bool:
        """Whether readers were told of this state of an alert already, before it could be stored."""
        told = self._told.get(alert.id)
        return told is not None and told == replace(alert, incident=told.incident, drift=told.drift)

    def _after_told(self, change: AlertChange) -> AlertChange:
        """Return the change as readers see it who were told of the alert before it could be stored."""
        if change.alert.id not in self._told:
            return change
        if change.is_hidden:  # by a rule that came meanwhile
            return replace(change, change="muted")
        return replace(change, change="updated") if change.change == "raised" else change

    def _tell_unstored(self) -> None:
        """Tell the readers what the store does not take: an alert must not wait for a disk."""
        news = [alert for alert in self._unstored.values() if self._told.get(alert.id) != alert]
        changes = [change for change in map(self._unstored_change, news) if not change.is_hidden]
        self._tell(changes)
        self._told.update((change.alert.id, change.alert) for change in changes)

    def _unstored_change(self, alert: Alert) -> AlertChange:
        stored = self._stored(alert)
        change: Change = "updated" if alert.id in self._told or stored is not None else "raised"
        owner = self._writer.owners.lookup(alert.device)
        alert = replace(with_what_was_said(stored, alert), muted=self._writer.mutes.find(alert, owner))
        return AlertChange(change, alert, owner, is_quiet=alert.handled is not None)

    def _stored(self, alert: Alert) -> Alert | None:
        """Return the state of it that the store has; a store that cannot be read either is taken to have none."""
        with suppress(sqlite3.Error):
            return self._writer.get(alert.id)
        return None

    def _tell(self, changes: Sequence[AlertChange]) -> None:
        shown = [change for change in changes if not change.is_hidden]
        self.changes.update(change.change for change in shown)
        self.raised.update((one.alert.severity, one.alert.behaviour) for one in shown if one.change == "raised")
        self._readers.publish_alerts([self._timed(change) for change in shown if change.is_told])

    def _timed(self, change: AlertChange) -> AlertChange:
        """Return a change with when its alert was raised, for those who are told of it for the first time."""
        since = self._waiting_since.get(change.alert.id) if change.change == "raised" else None
        return change if since is None else replace(change, raised_at=since)
