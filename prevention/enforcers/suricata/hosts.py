"""Devices and peers as hostbits: each ends by itself, and is gone when Suricata restarts."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict

from prevention.enforcers.ledger import BlockLedger, LedgerEntry
from prevention.enforcers.protocol import Abilities, Standing
from prevention.enforcers.suricata.socket import Connection, connected
from prevention.errors import EnforcerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from prevention.blocks import BlockKey
    from prevention.enforcers.protocol import Order

BIT: Final = "nslabs"
_LONGEST_S: Final = 2**31 - 1


class Settings(BaseModel):
    """Its table of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    socket: Path = Path("/var/run/suricata-command.socket")


def make_hosts(settings: Mapping[str, Any], state: Path) -> SuricataHosts:
    """Return the enforcer that a table of the configuration describes."""
    return SuricataHosts(Settings.model_validate(dict(settings)).socket, BlockLedger(state / "suricata.json"))


class SuricataHosts:
    """Sets a hostbit on each address, with its end.

    Suricata lists the hostbits of an address that is named, so that the addresses are kept in a ledger.
    """

    name = "suricata"
    abilities = Abilities(frozenset({"device", "peer"}), expires=True)

    def __init__(self, path: Path, ledger: BlockLedger, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._ledger = ledger
        self._clock = clock

    def apply(self, orders: Sequence[Order]) -> None:
        """Set the bits; one that is set keeps its end whatever is added, so that it is removed first."""
        now = self._clock()
        self._ledger.keep(LedgerEntry(o.block.key, o.block.decision, now + o.left_s) for o in orders)
        with connected(self._path) as suricata:
            for order in orders:
                where = order.block.key.device or order.block.key.peer
                suricata.ask("remove-hostbit", ipaddress=where, hostbit=BIT)
                expire = min(max(1, math.ceil(order.left_s)), _LONGEST_S)
                is_done, said = suricata.ask("add-hostbit", ipaddress=where, hostbit=BIT, expire=expire)
                if not is_done:
                    raise EnforcerError(f"suricata: add-hostbit {where}: {said}")

    def revoke(self, keys: Sequence[BlockKey]) -> None:
        """Remove the bits; the address of a key may be another's, too: its bit is set again at the next look."""
        with connected(self._path) as suricata:
            for key in keys:
                suricata.ask("remove-hostbit", ipaddress=key.device or key.peer, hostbit=BIT)
        self._ledger.drop(keys)

    def list(self) -> Sequence[Standing]:
        """Return what is left of each bit that was set and still is."""
        with connected(self._path) as suricata:
            entries = self._ledger.entries()
            left = {entry.key: _left(suricata, entry.key.device or entry.key.peer) for entry in entries}
        gone = [key for key, seconds in left.items() if seconds is None]
        if gone:
            self._ledger.drop(gone)
        return [Standing(key, seconds) for key, seconds in left.items() if seconds is not None]

    def close(self) -> None:
        """Leave the bits as they are: they end by themselves."""


def _left(suricata: Connection, address: str) -> float | None:
    is_known, said = suricata.ask("list-hostbit", ipaddress=address)
    bits = said.get("hostbits", []) if is_known and isinstance(said, dict) else []
    return next((float(bit["expire"]) for bit in bits if bit["name"] == BIT), None)
