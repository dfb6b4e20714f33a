"""The one writer of the alert table, owned by the pipeline thread."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from api.mutes.book import Mutes
from api.state.devices.rows import PARTS
from api.state.store.changes import Changes
from api.state.store.drift import join_drift
from api.state.store.evidence import EvidenceWriter
from api.state.store.groups import Drift, drift_of
from api.state.store.handling import set_handling, still_handled, take_ended
from api.state.store.incidents import join_incident
from api.state.store.journal import Journal
from api.state.store.muting import Change, change_told, remuted
from api.state.store.owners import Owners
from api.state.store.retention import Retention
from api.state.store.rows import COLUMNS, from_row, to_row
from api.state.store.schema import open_store
from api.state.store.sequence import Sequence, state_id
from api.state.store.untold import Untold

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from ingest.context.identity import Identity
    from online_models.types import Alert, Handling

_SELECT: Final = f"SELECT {', '.join(COLUMNS)} FROM alert WHERE id = ?"  # noqa: S608 - our own column names
_OPEN_OF_DEVICE: Final = (
    f"SELECT {', '.join(COLUMNS)} FROM alert"  # noqa: S608 - our own column names
    " WHERE known_as = ? AND log = ? AND status = 'open' ORDER BY id"
)
_SHOWN_OF_DEVICE: Final = (
    f"SELECT id FROM alert WHERE known_as IN (SELECT known_as FROM device_name WHERE device IN ({PARTS}))"  # noqa: S608 - our own text
    " AND status = 'open' AND muted IS NULL ORDER BY ts DESC LIMIT 100"
)
_UPSERT: Final = (
    f"INSERT OR REPLACE INTO alert ({', '.join(COLUMNS)})"  # noqa: S608 - our own column names
    f" VALUES ({', '.join(':' + name for name in COLUMNS)})"
)
_ANY_HANDLED: Final = "SELECT 1 FROM alert WHERE handled IS NOT NULL LIMIT 1"
DEFAULT_SITE: Final = "default"


@dataclass(frozen=True, slots=True)
class AlertChange:
    """What the store learned about one alert, and who is behind its device, if that is known.

    An alert is ``muted`` by a rule that comes, and ``raised`` again when that goes. `is_told` is false for an alert
    that its drift tells of, `is_hidden` true for one that a rule hid before: nobody is told of what becomes of it.
    It `is_quiet` while somebody has put the alert off, or takes care of it: people are not told that it goes on.
    `raised_at` is when the models raised it, monotonic seconds, for one that is told for the first time.
    """

    change: Change
    alert: Alert
    owner: Identity | None = None
    is_told: bool = True
    is_quiet: bool = False
    raised_at: float | None = field(default=None, compare=False)

    @property
    def is_hidden(self) -> bool:
        """Whether a rule hides it, and those who knew it have been told so."""
        return self.alert.muted is not None and self.change != "muted"

    @property
    def is_streamed(self) -> bool:
        """Whether streams tell of it."""
        return self.is_told and not self.is_quiet and not self.is_hidden


@dataclass(frozen=True, slots=True)
class DriftChange:
    """What the store learned about one drift."""

    change: Change
    drift: Drift


class AlertWriter:
    """Upserts alerts by their deterministic identifiers, and says what was new in them.

    After a crash the pipeline repeats the records since its last checkpoint and raises the same alerts again, in
    states that the store already knows or has passed; those change nothing and are told to nobody.

    `patience_s` is how long another process may hold the database before that counts as refused. What changes is also
    noted in ``changes`` for those who are told later, unless it `is_history`. ``site`` names the network, and ``mutes``
    are the rules that hide alerts.
    ``retention`` takes out what is too old or too much, in steps that the owner has it take.
    """

    def __init__(
        self, path: Path, patience_s: float = 5.0, site: str = DEFAULT_SITE, *, is_history: bool = False
    ) -> None:
        self._path = path
        self.site = site
        self._connection = open_store(path, patience_s)
        self.owners = Owners(self._connection)
        self.evidence = EvidenceWriter(self._connection)
        self.journal = Journal(self._connection)
        self.changes = Changes(self._connection, is_off=is_history)
        self.sequence = Sequence(self._connection, "alerts")
        self.untold = Untold(self._connection, is_off=is_history)
        self.state_id = state_id(self._connection)
        self.retention = Retention(self._connection)
        self._identity = _identity(path)
        self._drifts: dict[str, bool] = {}
        self.mutes = Mutes()
        self._is_remuting = True  # rules may have come or ended since the last run

    def upsert(self, alerts: Iterable[Alert]) -> list[AlertChange]:
        """Store all alerts in one transaction; return those that were new or moved on, in order.

        Raises
        ------
        sqlite3.OperationalError
            If the disk refuses; nothing of this call was stored then.
        """
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            changes: dict[str, Change] = {}
            drifts: dict[str, bool] = {}
            joining: set[str] = set()
            for alert in alerts:
                change = self._upsert_one(alert)
                if change is not None:
                    changes.setdefault(alert.id, change)
                    moved = join_incident(self._connection, alert)
                    joined = join_drift(self._connection, alert)
                    changes = changes | {other: "updated" for other in (*moved, *joined.alerts) if other not in changes}
                    drifts |= joined.drifts
                    joining |= joined.alerts.keys()
            self._drifts |= drifts
            told = [self._told(identifier, change, joining) for identifier, change in changes.items()]
            self.changes.note(told)
            self.untold.note(told, drifts.items())
            self.changes.note_drifts(drift_of(self._connection, drift) for drift, is_new in drifts.items() if is_new)
            return told

    def remute(self) -> list[AlertChange]:
        """Apply rules that came, went or expired to the open alerts; return those that are hidden or given back.

        Raises
        ------
        sqlite3.OperationalError
            If the disk refuses; they are applied by a later call then.
        """
        self._is_remuting |= self.mutes.refresh()
        if not self._is_remuting:
            return []
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            changes = remuted(self._connection, self.mutes, self.owners)
            told = [self._told(identifier, change, ()) for identifier, change in changes.items()]
            self.changes.note(told)
            drifts = {one.alert.drift: False for one in told if one.alert.drift is not None}
            self.untold.note(told, drifts.items())
        self._drifts |= drifts
        self._is_remuting = False
        return told

    def handle(self, identifier: str, handling: Handling | None) -> AlertChange:
        """Keep how an alert is handled, None for not at all any more; return the change, which is told.

        Raises
        ------
        sqlite3.OperationalError
            If the disk refuses.
        """
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            set_handling(self._connection, identifier, handling)
            told = replace(self._told(identifier, "updated", ()), is_quiet=False, is_told=True)
            self.changes.note([told])
            self.untold.note([told])
        return told

    def unhandled(self, now: float) -> list[AlertChange]:
        """Return the open alerts that nobody has put off or takes care of any longer, by the wall clock, as updated.

        Raises
        ------
        sqlite3.OperationalError
            If the disk refuses; a later call returns them then.
        """
        if not self._connection.execute(_ANY_HANDLED).fetchone():
            return []
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            ended = take_ended(self._connection, now)
            told = [replace(self._told(identifier, "updated", ()), is_told=True) for identifier in ended]
            self.changes.note(told)
            self.untold.note(told)
        return told

    def renamed(self, devices: Iterable[str]) -> list[AlertChange]:
        """Return the open alerts of devices that people call otherwise now, as updated; a hundred of each device.

        Raises
        ------
        sqlite3.OperationalError
            If the disk refuses; the name comes with their next change then.
        """
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            found = [row[0] for device in devices for row in self._connection.execute(_SHOWN_OF_DEVICE, (device,))]
            told = [self._told(identifier, "updated", ()) for identifier in found]
            self.changes.note(told)
        return told

    def _told(self, identifier: str, change: Change, joining: Collection[str]) -> AlertChange:
        """Return a change; what belongs to a drift is told by the drift, once who knew the alert knows that."""
        alert = from_row(self._connection.execute(_SELECT, (identifier,)).fetchone())
        silent = alert.drift is not None and (change == "raised" or (change == "updated" and identifier not in joining))
        quiet = alert.handled is not None and change == "updated"
        return AlertChange(change, alert, self.owners.keep(alert), is_told=not silent, is_quiet=quiet)

    def rest(self) -> tuple[list[AlertChange], list[DriftChange]]:
        """Return what an earlier run has stored and streams have not told, in the latest state of each."""
        alerts, drifts = [], []
        for identifier, change, is_drift in self.untold.rest():
            drift = drift_of(self._connection, identifier) if is_drift else None
            if drift is not None:
                drifts.append(DriftChange(change, drift))
            elif not is_drift and (alert := self.get(identifier)) is not None:
                latest = "closed" if alert.status == "closed" and change == "updated" else change
                alerts.append(AlertChange(latest, alert, self.owners.keep(alert)))
        return alerts, drifts

    def take_drifts(self) -> list[DriftChange]:
        """Return the drifts that have begun or grown since the last call."""
        changed, self._drifts = self._drifts, {}
        drifts = ((drift_of(self._connection, identifier), is_new) for identifier, is_new in changed.items())
        return [DriftChange("raised" if is_new else "updated", drift) for drift, is_new in drifts if drift]

    def drift(self, identifier: str) -> Drift | None:
        """Return one drift, or None if there is none of that identifier."""
        return drift_of(self._connection, identifier)

    def _upsert_one(self, alert: Alert) -> Change | None:
        row = self._connection.execute(_SELECT, (alert.id,)).fetchone()
        stored = from_row(row) if row else None
        alert = with_what_was_said(stored, alert)
        change = change_between(stored, alert)
        if change is None:
            return None
        is_open = alert.status == "open" or stored is None or stored.status == "open"
        if is_open:  # what is over stays as it was told, or not told, while it lasted
            alert = replace(alert, muted=self.mutes.find(alert, self.owners.keep(alert)))
        self._connection.execute(_UPSERT, to_row(alert))
        return change_told(change, stored, alert)

    def get(self, identifier: str) -> Alert | None:
        """Return one alert, or None if there is none of that identifier."""
        row = self._connection.execute(_SELECT, (identifier,)).fetchone()
        return from_row(row) if row else None

    def of_device(self, name: str, log: str) -> list[Alert]:
        """Return a device's open alerts, by the name that it is known by, in one log kind, ordered by identifier."""
        rows = self._connection.execute(_OPEN_OF_DEVICE, (name, log))
        return [from_row(row) for row in rows]

    def sync(self) -> None:
        """Make what was upserted survive a power cut (fsync of the write-ahead log). May be called from any thread."""
        with closing(sqlite3.connect(self._path, timeout=5.0)) as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def trouble(self) -> str | None:
        """Say what is wrong: the file was removed or replaced, or cannot keep to its size. None if all is well."""
        if _identity(self._path) == self._identity:
            return self.retention.problem
        return f"the alert store {self._path} was removed while the service runs; restart it to begin a new one"

    def close(self) -> None:
        """Close the database; the write-ahead log is folded into it."""
        self.sequence.close()
        self._connection.close()


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells the file from any other that takes its name, None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def with_what_was_said(stored: Alert | None, alert: Alert) -> Alert:
    """Return the alert with what the store alone knows of it; what was closed stays closed."""
    if stored is None:
        return alert
    return replace(
        alert,
        verdict=alert.verdict or stored.verdict,
        comment=alert.comment if alert.verdict else stored.comment,
        incident=stored.incident,
        drift=stored.drift,
        site=stored.site,
        muted=stored.muted,
        handled=still_handled(stored, alert),
        status="closed" if stored.status == "closed" and not alert.verdict else alert.status,
    )


def change_between(stored: Alert | None, alert: Alert) -> Change | None:
    """Return how `alert` moves on from what is stored, or None if it is the same or an earlier state."""
    if stored is None:
        return "raised"
    if alert == stored or alert.count < stored.count:
        return None
    if alert.status == "closed" and stored.status == "open":
        return "closed"
    return "updated"
