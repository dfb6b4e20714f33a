"""Keeps enforcers to what the service wants, and to what it wanted last while it does not answer."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from prevention.agent.kept import HoldingsFile, only_one
from prevention.agent.service import ServiceClient
from prevention.blocks import WantedBlocks
from prevention.enforcers import load_enforcer
from prevention.errors import EnforcerError, PreventionError
from prevention.reconcile import Desk, Keepers
from prevention.reconcile.desk import Clocks
from prevention.safeguards import Protection, configured
from prevention.safeguards.host import of_host

if TYPE_CHECKING:
    from collections.abc import Callable

    from prevention.agent.config import AgentConfig
    from prevention.reconcile import KeeperStatus

_log = logging.getLogger(__name__)
_AGAIN_S: Final = 0.5
"""After the service did not answer."""
_REPORT_EVERY_S: Final = 2.0
_HOST_EVERY_S: Final = 10.0
_TOLD: Final = ("name", "wanted", "held", "differences", "mended", "revision", "lag_s", "failures", "problem")
_MOST_TOLD: Final = 1000


class Agent:
    """The process: one thread here, and one for each enforcer.

    Parameters
    ----------
    config
        Its file.
    say
        Where lines for people go.
    """

    def __init__(self, config: AgentConfig, say: Callable[[str], None] = lambda _: None) -> None:
        self._config = config
        self._say = say
        self._stopping = threading.Event()
        self._reported_at = self._host_at = float("-inf")
        self._problem: str | None = None
        self._known = -1

    def stop(self) -> None:
        """Have `run` end. What is held stays, each until its end."""
        self._stopping.set()

    def run(self) -> None:
        """Run until `stop`.

        Raises
        ------
        EnforcerSetupError
            If an enforcer is unknown or configured wrongly, or another process uses the state.
        """
        with only_one(self._config.state):
            self._desk, kept = _desk(self._config), HoldingsFile(self._config.state)
            self._keepers = _keepers(self._config, self._desk, self._changed)
            service = ServiceClient(self._config.service, self._config.token_file)
            self._keepers.put(kept.read())
            self._keepers.start()
            try:
                while not self._stopping.is_set():
                    self._step(service, kept)
            finally:
                self._keepers.stop()
                service.close()

    def _step(self, service: ServiceClient, kept: HoldingsFile) -> None:
        """Fetch what is wanted, keep it, and only then have it carried out."""
        now = time.monotonic()
        if now >= self._host_at + _HOST_EVERY_S:
            self._host_at = now
            self._desk.protection.put("host", of_host())
        try:
            wanted = service.wanted(self._known)
            self._known = wanted.revision
            if wanted != self._desk.wanted:
                kept.write(wanted)
                self._keepers.put(wanted)
            self._report_if_due(service, now)
            self._trouble(None)
        except PreventionError as error:
            self._known = -1  # another service may answer next, with a count of its own
            self._trouble(str(error))
            self._stopping.wait(_AGAIN_S)

    def _report_if_due(self, service: ServiceClient, now: float) -> None:
        if now >= self._reported_at + _REPORT_EVERY_S:
            self._reported_at = now
            service.report(self._report())

    def _report(self) -> dict[str, Any]:
        uncovered = sorted({block.decision for block in self._keepers.uncovered()})
        refused = [f"{key}: {why}" for key, why in self._desk.refused().items()]
        enforcers = [{name: getattr(one, name) for name in _TOLD} for one in self._keepers.status()]
        return {
            "name": self._config.name,
            "enforcers": enforcers,
            "uncovered": uncovered[:_MOST_TOLD],
            "carried": self._keepers.carried()[:_MOST_TOLD],
            "refused": refused[:_MOST_TOLD],
        }

    def _trouble(self, problem: str | None) -> None:
        """Say once that the service is away, and once that it is back."""
        if (problem is None) != (self._problem is None):
            held = len(self._desk.wanted.blocks)
            what = f"{problem}; {held} blocks stand until their ends" if problem else "the service answers again"
            self._say(what)
        self._problem = problem

    def _changed(self, status: KeeperStatus) -> None:
        self._say(f"enforcer {status.name}: {status.problem or 'well again'}")


def sweep(config: AgentConfig, *, everything: bool = False) -> list[str]:
    """Lift what is over, or everything, without the service; return what could not be lifted.

    Raises
    ------
    EnforcerSetupError
        If an enforcer is configured wrongly, or a process that does this all the time is running.
    """
    with only_one(config.state):
        kept = HoldingsFile(config.state)
        desk = _desk(config)
        if everything:
            kept.write(WantedBlocks(-1))
        desk.put(kept.read())
        desk.protection.put("host", of_host())
        keepers = _keepers(config, desk, lambda _: None)
        keepers.step()
        problems = [f"enforcer {one.name}: {one.problem}" for one in keepers.status() if one.problem]
        keepers.close()
        return problems


def _desk(config: AgentConfig) -> Desk:
    return Desk(Protection(configured(config.protect)), Clocks(time.time, time.monotonic))


def _keepers(config: AgentConfig, desk: Desk, on_change: Callable[[KeeperStatus], None]) -> Keepers:
    enforcers = [load_enforcer(name, settings, config.state) for name, settings in sorted(config.enforcers.items())]
    if not enforcers:
        raise EnforcerError("no enforcer is configured: name one as [enforcers.nftables], for example")
    return Keepers(enforcers, desk, sweeps=True, on_change=on_change)
