"""Domains in a dataset that a rule of ours looks into: nothing ends there by itself, and a restart empties it."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any, Final

from prevention.enforcers.ledger import BlockLedger, LedgerEntry
from prevention.enforcers.protocol import Abilities, Standing
from prevention.enforcers.suricata.hosts import Settings
from prevention.enforcers.suricata.socket import Connection, connected
from prevention.errors import EnforcerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from prevention.blocks import BlockKey
    from prevention.enforcers.protocol import Order

SET: Final = "nslabs-domains"


def make_domains(settings: Mapping[str, Any], state: Path) -> SuricataDomains:
    """Return the enforcer that a table of the configuration describes."""
    return SuricataDomains(Settings.model_validate(dict(settings)).socket, BlockLedger(state / "suricata-domains.json"))


class SuricataDomains:
    """Adds each domain to the dataset: queries for exactly that name, as Suricata 7 and 8 compare them."""

    name = "suricata-domains"
    abilities = Abilities(frozenset({"domain"}), expires=False)

    def __init__(self, path: Path, ledger: BlockLedger, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._ledger = ledger
        self._clock = clock

    def apply(self, orders: Sequence[Order]) -> None:
        """Add domains."""
        now = self._clock()
        self._ledger.keep(LedgerEntry(o.block.key, o.block.decision, now + o.left_s) for o in orders)
        with connected(self._path) as suricata:
            for order in orders:
                is_done, said = _ask(suricata, "dataset-add", order.block.key)
                if not is_done:
                    raise EnforcerError(f"suricata: {SET}: {said}; are the rules of nslabs loaded?")

    def revoke(self, keys: Sequence[BlockKey]) -> None:
        """Remove domains; what is not there is removed already."""
        with connected(self._path) as suricata:
            for key in keys:
                _ask(suricata, "dataset-remove", key)
                if _ask(suricata, "dataset-lookup", key)[0]:
                    raise EnforcerError(f"suricata: {SET}: {key.domain} is still in it")
        self._ledger.drop(keys)

    def list(self) -> Sequence[Standing]:
        """Return those that were added and still are there."""
        entries = self._ledger.entries()
        with connected(self._path) as suricata:
            return [Standing(entry.key) for entry in entries if _ask(suricata, "dataset-lookup", entry.key)[0]]

    def close(self) -> None:
        """Leave the dataset as it is."""


def _ask(suricata: Connection, command: str, key: BlockKey) -> tuple[bool, Any]:
    value = base64.b64encode(key.domain.encode()).decode()
    return suricata.ask(command, setname=SET, settype="string", datavalue=value)
