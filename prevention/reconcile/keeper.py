"""Keeps one enforcer as it should be, in a thread of its own: another one's failure does not reach it."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from prevention.errors import EnforcerError
from prevention.reconcile.differences import differences

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from prevention.blocks import BlockKey
    from prevention.enforcers import Enforcer, Order
    from prevention.reconcile.desk import Desk

_log = logging.getLogger(__name__)
INTERVAL_S: Final = 2.0
"""Between two looks at what is held: a flushed firewall is filled again within it."""
_PATIENCE_S: Final = 5.0
_FIRST_RETRY_S: Final = 0.25
_LAST_RETRY_S: Final = 4.0
"""The longest pause between two tries: what comes back is as it should be within ten seconds."""


@dataclass(frozen=True, slots=True)
class KeeperStatus:
    """How an enforcer stands. Times are wall-clock, epoch seconds.

    Attributes
    ----------
    wanted, held
        Blocks that it should hold, and that it held of ours at the last look.
    differences
        Blocks that were not as they should be at the last look, before they were mended.
    revision
        The last revision of what is wanted that it has come to; `lag_s` is how long it is behind.
    failures, problem
        Tries in a row that failed, and why the last one did.
    unapplied
        Blocks that it would not take, while it took others.
    carried
        What it holds, as far as is known.
    """

    name: str
    wanted: int = 0
    held: int = 0
    differences: int = 0
    mended: int = 0
    revision: int = -1
    lag_s: float = 0.0
    looked_at: float | None = None
    failures: int = 0
    problem: str | None = None
    unapplied: int = 0
    carried: frozenset[BlockKey] = frozenset()


class Keeper:
    """Compares and mends, every few seconds and whenever it is woken."""

    def __init__(self, enforcer: Enforcer, desk: Desk, on_change: Callable[[KeeperStatus], None] | None = None) -> None:
        self.enforcer = enforcer
        self.status = KeeperStatus(enforcer.name)
        self._desk = desk
        self._on_change = on_change or (lambda _: None)
        self._applied: set[BlockKey] = set()
        self._behind_since: float | None = None
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"enforcer {enforcer.name}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Have it look now, also where it waits after a failure."""
        self._wake.set()

    def end(self) -> None:
        """Have the thread end; what is held stays, and ends by itself or by the next start."""
        self._stopping.set()
        self._wake.set()

    def join(self) -> None:
        """Wait for the thread's end, but not for an enforcer that hangs."""
        self._thread.join(_PATIENCE_S)

    def step(self) -> float:
        """Look, compare and mend once; return the seconds to wait until the next look."""
        revision, now = self._desk.wanted.revision, self._desk.clocks.steady()
        if revision != self.status.revision and self._behind_since is None:
            self._behind_since = now
        orders = self._desk.orders(self.enforcer.abilities)
        try:
            problem = self._mend(orders)
        except EnforcerError as error:
            self._failed(str(error), orders)
        except Exception as error:  # noqa: BLE001 - it may be somebody else's code: its failure stops nobody else
            _log.exception("enforcer %s", self.enforcer.name)
            self._failed(f"{type(error).__name__}: {error}", orders)
        else:
            self._report(failures=0, problem=problem, revision=revision, lag_s=0.0)
            self._behind_since = None
            return INTERVAL_S
        return min(_FIRST_RETRY_S * 2.0 ** min(self.status.failures - 1, 10), _LAST_RETRY_S)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            pause = self.step()
            self._wake.wait(pause)

    def _mend(self, orders: dict[BlockKey, Order]) -> str | None:
        standing = self.enforcer.list()
        found = differences(orders, standing, expires=self.enforcer.abilities.expires)
        self._applied = {one.key for one in standing}
        if found.revoke:  # before anything is applied: that may fail
            self.enforcer.revoke(found.revoke)
            self._applied -= set(found.revoke)
        refused = self._apply(found.apply) if found.apply else {}
        self._report(
            wanted=len(orders),
            held=len(standing),
            differences=found.count,
            mended=self.status.mended + found.count - len(refused),
            looked_at=self._desk.clocks.wall(),
            unapplied=len(refused),
            carried=frozenset(self._applied),
        )
        return next((f"{key}: {why}" for key, why in refused.items()), None)

    def _apply(self, orders: Sequence[Order]) -> dict[BlockKey, str]:
        """Apply all at once; if that fails, one by one, so that a bad one does not keep others out."""
        try:
            self.enforcer.apply(orders)
        except EnforcerError:
            if len(orders) == 1:
                raise
        else:
            self._applied |= {order.block.key for order in orders}
            return {}
        refused: dict[BlockKey, str] = {}
        for order in orders:
            try:
                self.enforcer.apply([order])
                self._applied.add(order.block.key)
            except EnforcerError as error:
                refused[order.block.key] = str(error)
                if len(refused) >= 3 and len(refused) == orders.index(order) + 1:
                    raise  # all of them: it is the enforcer, not a block
        return refused

    def _failed(self, problem: str, orders: dict[BlockKey, Order]) -> None:
        """Note the failure, and lift what is to be lifted as far as it is known: no list is needed for that."""
        over = sorted(self._applied - orders.keys())
        if over:
            try:
                self.enforcer.revoke(over)
                self._applied -= set(over)
            except Exception as error:  # noqa: BLE001 - the same failure once more, which is told below
                _log.debug("enforcer %s: %s", self.enforcer.name, error)
        now = self._desk.clocks.steady()
        lag = now - self._behind_since if self._behind_since is not None else 0.0
        self._report(failures=self.status.failures + 1, problem=problem, lag_s=lag, carried=frozenset(self._applied))

    def _report(self, **changes: object) -> None:
        before, self.status = self.status, replace(self.status, **changes)  # type: ignore[arg-type] # its own fields
        if (before.problem is None) != (self.status.problem is None):
            self._on_change(self.status)
