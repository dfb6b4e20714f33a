"""The service's side of prevention: a thread that decides, so that neither the models nor HTTP wait for it."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import Counter, deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from api.decisions.beside import read_policy
from api.decisions.consequences import decide
from api.decisions.missed import missed
from api.decisions.own_alerts import UNPLACED, own_alerts
from api.decisions.reports import Reports
from api.decisions.uncovered import look
from api.decisions.watch import Watch
from api.state.devices.said import Said
from online_models.service import LOG
from prevention.addresses import is_mac
from prevention.decider import Around, Decider
from prevention.errors import PolicyError, PreventionError
from prevention.events import PreventionEvent
from prevention.safeguards import Protected, Protection, configured
from prevention.safeguards.host import of_host
from prevention.store import DecisionStore
from prevention.wanted import wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from api.pipeline.clock import Clock
    from api.state.store import AlertChange, AlertReader, DriftChange
    from ingest.records import RecordBatch
    from online_models.types import Alert, ScoredBatch
    from prevention.blocks import WantedBlocks
    from prevention.decider import Request
    from prevention.decisions import Decision, Mode
    from prevention.policy import Policy

_log = logging.getLogger(__name__)
_EVERY_S: Final = 0.5
"""Between two looks at what has ended; alerts and requests are seen at once."""
_HOST_EVERY_S: Final = 10.0
_DAY_S: Final = 86_400.0
_KEPT_S: Final = 400 * _DAY_S
_MOST_WAITING: Final = 10_000
_KEPT_EVENTS: Final = 1000


@dataclass(frozen=True, slots=True)
class PreventionStatus:
    """How prevention stands: the mode in force, why it is not the policy's, and numbers of decisions."""

    mode: Mode
    why: str | None
    active: int
    suggested: int
    not_carried_out: int
    enforcers: int


class Prevention:
    """Takes alerts and records from the pipeline, decides in a thread of its own, and keeps what enforcers report.

    It is one of the readers of alerts and one of the observers of records; both only note what comes. ``said`` is what
    people have said of devices, and ``own_alerts`` are the open alerts about
    prevention itself, None before its first look at them.
    """

    def __init__(
        self,
        path: Path,
        policy: Policy,
        clock: Clock,
        tell: Callable[[PreventionEvent], None] = lambda _: None,
        kept_s: float = _KEPT_S,
    ) -> None:
        """Open the store of decisions; `tell`, which must not wait, is called with all that happens.

        Decisions are forgotten so many seconds after their end.

        Raises
        ------
        PreventionError
            If it cannot be used.
        """
        self.events: deque[PreventionEvent] = deque(maxlen=_KEPT_EVENTS)
        self.counts: Counter[str] = Counter()
        self.reports = Reports()
        self.own_alerts: Sequence[Alert] | None = None
        self.problem: str | None = None
        self.said = Said()
        self.policy_problem: str | None = None
        self.lost = 0
        self._clock = clock
        self._kept_s = kept_s
        self._tell = tell
        self._watch = Watch()
        self._store = DecisionStore(path)
        around = Around(clock.wall, self._devices_today, self._note)
        self.decider = Decider(self._store, policy, Protection(configured(policy.protect)), around)
        self._waiting: dict[str, AlertChange] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._host_at = float("-inf")
        self._thread = threading.Thread(target=self._run, name="prevention", daemon=True)
        self._refresh()

    def start(self, alerts: AlertReader | None = None) -> None:
        """Start the thread, which first looks again at the stored alerts that a run before may not have come to."""
        if alerts is not None:
            self.look_again(alerts)
        self._thread.start()

    def look_again(self, alerts: AlertReader) -> None:
        """Note the stored alerts that a run before may not have come to."""
        since = self._clock.wall() - self.decider.policy.limits.max_alert_age
        try:
            self.publish_alerts(list(missed(alerts, self._store, since)))
        except sqlite3.Error as error:
            _log.warning("alerts of before cannot be read: %s; each has its consequences when it changes", error)

    def stop(self) -> None:
        """Decide what waits, end the thread and close the store. What stands, stands until its end."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._store.close()

    def publish_alerts(self, changes: Sequence[AlertChange]) -> None:
        """Note alerts that were raised, changed or closed; the latest state of each counts. Its own it knows."""
        with self._lock:
            for change in (one for one in changes if one.alert.log != LOG):
                if len(self._waiting) < _MOST_WAITING or change.alert.id in self._waiting:
                    self._waiting[change.alert.id] = change
                else:
                    self.lost += 1
        if changes:
            self._wake.set()

    def publish_scores(self, batch: ScoredBatch) -> None:
        """Pass scores over."""

    def publish_drifts(self, changes: Sequence[DriftChange]) -> None:
        """Pass drifts over: a change of several devices at once is no reason to block them."""

    def observe(self, batch: RecordBatch) -> None:
        """Note servers, devices and who has which address."""
        self._watch.observe(batch)

    def evicted(self) -> dict[str, int]:
        """Return what had to be left out as too much came at once."""
        return {"alerts": self.lost, "moves": self._watch.lost_moves}

    def wanted(self) -> WantedBlocks:
        """Return the blocks that enforcers are to hold now."""
        return wanted(self.decider, self._clock.wall())

    def reload(self, path: Path) -> None:
        """Read the policy's file again. A wrong one changes nothing: that is told, in one line, until it is right."""
        try:
            policy = read_policy(path)
        except PolicyError as error:
            self.policy_problem = f"{error}; the policy of before stays in force"
            self._note(PreventionEvent("policy", self.policy_problem, self._clock.wall()))
            _log.error("%s", self.policy_problem)
        else:
            self.policy_problem = None
            self.decider.adopt(policy)
        self._wake.set()

    def now(self) -> float:
        """Return the wall-clock time, epoch seconds."""
        return self._clock.wall()

    def request(self, asked: Request) -> Decision:
        """Do what a person asks for: of a device, not of the address by which it is named, where the device is known.

        Raises
        ------
        RefusedError, TargetError
            As `Decider.request` does.
        """
        device, since = asked.target.device, self._clock.wall() - _DAY_S
        mac = device if is_mac(device) else self.said.mac_of(device) if device else ""
        if mac:
            named = () if is_mac(device) else (device,)
            held = dict.fromkeys((*named, *self.said.addresses_of(mac, since)))
            asked = replace(asked, target=replace(asked.target, device=mac), beside=tuple(held))
        return self.decider.request(asked)

    def report(self, name: str, body: dict[str, Any]) -> None:
        """Keep what an enforcer process says of itself, and note what it carries out since."""
        if news := self.reports.put(name, body, self._clock.wall()):
            self.decider.carried(news, by=f"enforcer {name}")

    def standing(self) -> PreventionStatus:
        """Return how it stands now."""
        counts, now = self._store.counts(), self._clock.wall()
        nobody = (self.reports.uncovered(now) or frozenset()) | self._unplaced()
        mode, why = self._mode()
        live = len(self.reports.live(now))
        return PreventionStatus(mode, why, counts.get("active", 0), counts.get("suggested", 0), len(nobody), live)

    def _mode(self) -> tuple[Mode, str | None]:
        """Return the site's mode that is in force, and why it is not the policy's."""
        mode, left = self.decider.policy.mode, self.decider.suggests_for()
        if self.decider.is_flushed and mode != "observe":
            return "observe", "the kill switch was used"
        if left > 0 and mode == "enforce":
            return "suggest", f"a limit of blocks was reached: for {left:.0f} s more"
        return mode, None

    def reasons(self) -> list[str]:
        """Return what is not well with prevention, in sentences."""
        now, told = self._clock.wall(), []
        told += [problem for problem in (self.problem, self.policy_problem) if problem]
        told += self.reports.problems(now)
        active = [d for d in self._store.standing() if d.state == "active"]
        if active and not self.reports.live(now):
            told.append(f"{len(active)} decisions are active, and no enforcer process carries them out: nslabs enforce")
        nobody = (self.reports.uncovered(now) or frozenset()) | self._unplaced()
        told += [f"nobody can carry out decision {one}" for one in sorted(nobody)[:3]]
        if left := self.decider.suggests_for():
            told.append(f"a limit of blocks was reached: all is only suggested for {left:.0f} s more")
        return told

    def _devices_today(self) -> int:
        """Return how many devices were seen today, also before the start."""
        return max(self._watch.devices_today(), self.said.seen_since(self._clock.wall() - _DAY_S))

    def _note(self, event: PreventionEvent) -> None:
        self.counts[event.what] += 1
        self.events.append(event)
        self._tell(event)
        _log.info("%s", event.text)

    def _look_at_itself(self) -> None:
        """See what there is to tell of prevention itself; each decision that nobody can carry out is told once."""
        now = self._clock.wall()
        unplaced = self._unplaced()
        uncovered, decisions, news = look(self._store, self.reports.uncovered(now), unplaced, now)
        for found in news:
            reason = UNPLACED if found.id in unplaced else "no enforcer process that reports can carry it out"
            text = f"{found.action} {found.target}: {reason}"
            self._note(PreventionEvent("uncovered", text, now, found, found.state, "", reason))
        self.own_alerts = own_alerts(self.decider.limited(), uncovered, decisions)

    def _unplaced(self) -> frozenset[str]:
        """Return what people want of devices of which no address is known: there is nothing to block."""
        asked = [d for d in self._store.standing() if d.state == "active" and not d.alert and is_mac(d.target.device)]
        return frozenset(d.id for d in asked if not self.decider.holders.of(d.target.device))

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(_EVERY_S)
            self._wake.clear()
            try:
                self.step()
                self.problem = None
            except sqlite3.Error as error:
                self.problem = f"decisions cannot be stored: {error}"
            except PreventionError as error:
                self.problem = f"prevention: {error}"
            except Exception as error:  # noqa: BLE001 - a fault of ours is told: a thread that ended decides nothing more
                _log.exception("prevention")
                self.problem = f"prevention: {type(error).__name__}: {error}; please report this"
        self._finish()

    def _finish(self) -> None:
        try:
            self.step()
        except (sqlite3.Error, PreventionError) as error:
            _log.warning("decisions that waited at the end are made at the next start: %s", error)

    def step(self) -> None:
        """Move addresses, decide about alerts, end what has ended. What fails stays for the next time."""
        self._refresh_if_due()
        self.decider.protection.put("devices", (Protected(one, "critical device") for one in self.said.critical()))
        for mac, address, leased in self._watch.take_moves():
            self.decider.holds(mac, address, leased=leased)
        with self._lock:
            waiting = list(self._waiting.items())
        for identifier, change in waiting:
            decide(self.decider, change, self.said)
            with self._lock:
                if self._waiting.get(identifier) is change:
                    del self._waiting[identifier]
        self.decider.tick()
        self._look_at_itself()
        self._watch.followed = self.decider.followed()

    def _refresh_if_due(self) -> None:
        if self._clock.monotonic() >= self._host_at + _HOST_EVERY_S:
            self._refresh()
            self._store.forget(self._clock.wall() - self._kept_s)
            self.decider.forget_holders()

    def _refresh(self) -> None:
        self._host_at = self._clock.monotonic()
        self.decider.protection.put("host", of_host())
        self.decider.protection.put("logs", self._watch.protected())
