"""What prevention needs of the records: servers and routers, devices of today, and which device has which address."""

from __future__ import annotations

import threading
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

import polars as pl

from online_models.kinds import KINDS
from prevention.addresses import is_mac
from prevention.safeguards.servers import Servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.records import RecordBatch
    from prevention.safeguards import Protected

_DAY_S: Final = 86_400.0
_MOST_DEVICES: Final = 131_000
_MOST_MOVES: Final = 10_000
_NO_ADDRESS: Final = "0.0.0.0"  # noqa: S104 - DHCP's mark for none
Move = tuple[str, str, bool]
"""A device's MAC, its address, and whether DHCP gave it."""


class Watch:
    """Filled by the pipeline thread, asked by others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._servers = Servers()
        self._devices: set[str] = set()
        self._day = 0.0
        self._yesterday = 0
        self._moves: list[Move] = []
        self.followed: frozenset[str] = frozenset()
        self.lost_moves = 0

    def observe(self, batch: RecordBatch) -> None:
        """Take what it needs from the batch."""
        with self._lock:
            self._servers.observe(batch)
            if batch.kind in KINDS and len(batch):
                self._count(batch.frame)
            moves = list(self._found(batch))
            self._moves += moves[: _MOST_MOVES - len(self._moves)]
            self.lost_moves += max(0, len(moves) - (_MOST_MOVES - len(self._moves)))

    def take_moves(self) -> list[Move]:
        """Return the moves since the last call."""
        with self._lock:
            moves, self._moves = self._moves, []
            return moves

    def devices_today(self) -> int:
        """Return how many devices the records of this day of log time told of, or of the day before, if more did."""
        with self._lock:
            return max(len(self._devices), self._yesterday)

    def protected(self) -> list[Protected]:
        """Return the servers and routers that were found."""
        with self._lock:
            return self._servers.protected()

    def _count(self, frame: pl.DataFrame) -> None:
        day = float(frame["ts"].max() or 0.0) // _DAY_S  # type: ignore[arg-type] # float64, as every ts
        if day != self._day:  # early in the day few were seen yet
            self._yesterday = len(self._devices) if day == self._day + 1 else 0
            self._day, self._devices = day, set()
        if len(self._devices) < _MOST_DEVICES:
            new = set(frame["id.orig_h"].drop_nulls().unique()) - self._devices
            self._devices.update(host for host in new if _is_device(host))

    def _found(self, batch: RecordBatch) -> Iterator[Move]:
        frame = batch.frame
        if batch.kind == "dhcp" and {"mac", "assigned_addr"} <= set(frame.columns):
            for mac, address in frame.select("mac", "assigned_addr").drop_nulls().iter_rows():
                if is_mac(mac) and address and address != _NO_ADDRESS:
                    yield mac, address, True
        elif batch.kind == "conn" and self.followed:
            for side in ("orig", "resp"):
                found = _frames(frame, f"id.{side}_h", f"{side}_l2_addr", self.followed)
                yield from (move for move in found if not self._is_anothers(*move[:2]))

    def _is_anothers(self, mac: str, address: str) -> bool:
        """Whether a device that is followed is seen with an address that others use.

        It may have come to it; it may as well write a neighbour's address into its packets, to have that blocked. A
        lease tells the two apart, frames do not.
        """
        is_more = mac.lower() in self.followed and address not in self.followed
        return is_more and bool(self._servers.macs_of(address) - {mac.lower()})


def _frames(frame: pl.DataFrame, host: str, mac: str, followed: frozenset[str]) -> Iterator[Move]:
    if mac not in frame.columns or frame[mac].null_count() == frame.height:
        return
    wanted = pl.col(host).is_in(list(followed)) | pl.col(mac).str.to_lowercase().is_in(list(followed))
    for address, sender in frame.filter(wanted).select(host, mac).drop_nulls().unique().iter_rows():
        if is_mac(sender) and _is_device(address):
            yield sender, address, False


def _is_device(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return found.is_private and not (found.is_multicast or found.is_unspecified or found.is_loopback)
