"""Which addresses each device of a decision has now: a block follows the device, never the address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from prevention import addresses

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prevention.store.decisions import DecisionStore


MOST_ADDRESSES: Final = 64
"""Addresses of one device: who sends under ever new ones must not fill a firewall. Those that came first are kept, as
the one that an alert is about is among them; what is leased always counts."""


@dataclass(frozen=True, slots=True)
class Handover:
    """An address that has come to another device."""

    address: str
    before: str
    after: str


class Holders:
    """The addresses that devices hold, kept beside the decisions.

    An address has one holder: it leaves the older one when another takes it. A lease is the one IPv4 address of its
    device, so that the address it had before is left, too.
    """

    def __init__(self, store: DecisionStore) -> None:
        self._store = store

    def take(self, device: str, address: str, at: float, *, leased: bool = False) -> Handover | None:
        """Note that a device (its MAC) uses an address; return whom it was taken from, if it was another's.

        Raises
        ------
        TargetError
            If either is none.
        """
        device, address = addresses.mac(device), addresses.address(address)
        before = self.holder(address)
        given_up = [one for one in self.of(device) if leased and ":" not in one + address and one != address]
        if (before == device and not given_up) or (not leased and not before and self._is_full(device)):
            return None
        with self._store.transaction() as connection:
            connection.executemany("DELETE FROM held WHERE address = ?", [(one,) for one in given_up])
            connection.execute("INSERT OR REPLACE INTO held VALUES (?, ?, ?)", (address, device, at))
            self._store.touch()
        return Handover(address, before, device) if before not in ("", device) else None

    def _is_full(self, device: str) -> bool:
        return len(self.of(device)) >= MOST_ADDRESSES

    def holder(self, address: str) -> str:
        """Return the device that has an address, or an empty text."""
        with self._store.transaction() as connection:
            row = connection.execute("SELECT device FROM held WHERE address = ?", (address,)).fetchone()
        return str(row[0]) if row else ""

    def of(self, device: str) -> list[str]:
        """Return the addresses of a device, in order; a device that is known by its address alone has that one."""
        if not addresses.is_mac(device):
            return [device]
        with self._store.transaction() as connection:
            rows = connection.execute("SELECT address FROM held WHERE device = ? ORDER BY address", (device,))
            return [str(row[0]) for row in rows]

    def keep_only(self, devices: Iterable[str]) -> None:
        """Forget the addresses of all other devices."""
        kept = list(devices)
        with self._store.transaction() as connection:
            marks = ", ".join("?" for _ in kept)
            connection.execute(f"DELETE FROM held WHERE device NOT IN ({marks})", kept)  # noqa: S608 - marks only
