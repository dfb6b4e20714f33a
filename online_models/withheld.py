"""Records that were not learned, kept for the case that somebody calls their alert expected.

They are kept as the kernels saw them: columns, features, and the device's log time. Bounded by the record: the first
10,000 of a device, and the last 50,000 of all together.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from online_models.guard import WITHHELD

if TYPE_CHECKING:
    from online_models.outcome import Outcome

MOST_OF_A_DEVICE, MOST = 10_000, 50_000
"""Records that wait for a verdict: of one device, and in all; some 25 MB a log kind."""
_PIECES = 64
"""Batches' worth of them after which they are put together."""


class Records(NamedTuple):
    """n records that were not learned.

    Attributes
    ----------
    columns
        The kernel's columns of their log kind.
    features
        float64 ``(n, features)``, as measured when they came.
    now
        float64 ``(n,)``: the device's log time then, epoch seconds.
    judgement, behaviour
        int8 ``(n,)``, as they were judged.
    """

    columns: Any
    features: npt.NDArray[np.float64]
    now: npt.NDArray[np.float64]
    judgement: npt.NDArray[np.int8]
    behaviour: npt.NDArray[np.int8]


def taken(tree: Any, rows: npt.NDArray[Any]) -> Any:
    """Return the given rows, by number or flag, of every array of a nested named tuple."""
    if isinstance(tree, np.ndarray):
        return np.ascontiguousarray(tree[rows])
    return type(tree)(*(taken(part, rows) for part in tree))


def _joined(pieces: list[Any]) -> Any:
    first = pieces[0]
    if len(pieces) == 1:
        return first
    if isinstance(first, np.ndarray):
        return np.concatenate(pieces)
    return type(first)(*(_joined(list(parts)) for parts in zip(*pieces, strict=True)))


class Withheld:
    """The records of one log kind that were not learned; ``lost`` counts those for which there was no room."""

    def __init__(self, none: Records) -> None:
        self.lost = 0
        self._none = none
        self._pieces: list[Records] = []
        self._devices: deque[int] = deque()
        self._count_of: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._devices)

    def keep(self, columns: Any, outcome: Outcome) -> None:
        """Keep what a run of the kernel has withheld."""
        rows = np.flatnonzero(outcome.judgement & WITHHELD)
        if rows.size:
            rows = rows[self._with_room(columns.keys[rows, 0].tolist())]
            arrays = outcome.withheld, outcome.end, outcome.judgement, outcome.behaviour
            self._pieces.append(Records(taken(columns, rows), *(taken(array, rows) for array in arrays)))
            if len(self._pieces) > _PIECES:
                self._pieces = [self.records()]

    def _with_room(self, devices: list[int]) -> npt.NDArray[np.int64]:
        """Return which of the new records are kept, in order; each may push out the oldest one."""
        kept = []
        for k, device in enumerate(devices):
            if self._count_of[device] < MOST_OF_A_DEVICE:
                if len(self._devices) == MOST:
                    self._leave(self._devices.popleft())
                kept.append(k)
                self._devices.append(device)
                self._count_of[device] += 1
        self.lost += len(devices) - len(kept)
        return np.array(kept, np.int64)

    def _leave(self, device: int) -> None:
        self.lost += 1
        self._count_of[device] -= 1
        if not self._count_of[device]:
            del self._count_of[device]

    def records(self) -> Records:
        """Return all of them, in the order in which they came."""
        records: Records = _joined([self._none, *self._pieces])
        oldest = len(records.now) - len(self._devices)
        kept: Records = taken(records, np.arange(oldest, len(records.now))) if oldest else records
        return kept

    def take(self, device: np.uint64) -> Records:
        """Return the records of a device, and keep them no longer."""
        records = self.records()
        its = records.columns.keys[:, 0] == device
        self.restore(taken(records, ~its), self.lost)
        of_device: Records = taken(records, its)
        return of_device

    def restore(self, records: Records, lost: int) -> None:
        """Hold these records instead."""
        self.lost, self._pieces = lost, [records]
        self._devices = deque(records.columns.keys[:, 0].tolist())
        self._count_of = Counter(self._devices)
