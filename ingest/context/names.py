"""By what name a device asked for an address: answers of DNS, the Host of HTTP, the server name of TLS.

An address says little to a person, and an alert comes long after the question. Kept is the first name by which each
device asked for each address, so that what is told does not depend on how the logs were cut into batches.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, Self

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingest.records import RecordBatch

_ADDRESS: Final = r"^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)$"
_LONGEST: Final = 253
"""Characters of a name (RFC 1035, 2.3.4)."""


class PeerNames:
    """Remembers names; the ones that were noted or looked up longest ago leave first.

    Parameters
    ----------
    capacity
        Pairs of a device and an address that are remembered.
    """

    def __init__(self, capacity: int = 32_768) -> None:
        self._capacity = capacity
        self._names: OrderedDict[str, str] = OrderedDict()
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._names)

    def note(self, batch: RecordBatch) -> None:
        """Take in what dns, http and ssl records tell; of others nothing."""
        name = _NAMES.get(batch.kind)
        if name is None or not len(batch) or not _NEEDED[batch.kind] <= set(batch.frame.columns):
            return
        for device, address, asked in _asked(batch.frame, name, is_dns=batch.kind == "dns").iter_rows():
            self._note(_key(device, address), asked)

    def _note(self, key: str, name: str) -> None:
        self._names.setdefault(key, name)
        self._names.move_to_end(key)
        if len(self._names) > self._capacity:
            self._names.popitem(last=False)
            self.evicted += 1

    def of(self, device: str, addresses: Iterable[str]) -> dict[str, str]:
        """Return by what names a device, by the name that the models know it by, asked for these addresses."""
        named = ((address, self._names.get(_key(device, address))) for address in addresses)
        return {address: name for address, name in named if name is not None}

    def state(self) -> dict[str, Any]:
        """Return everything that is known, in JSON types."""
        return {"capacity": self._capacity, "names": list(self._names.items())}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild what `state` returned."""
        names = cls(state["capacity"])
        names._names.update(state["names"])
        return names


def _key(device: str, address: str) -> str:
    return f"{device} {address}"


_NAMES: Final = {
    "dns": pl.col("query"),
    "http": pl.col("host").str.replace(r":\d+$", ""),
    "ssl": pl.col("server_name"),
}
"""Log kind to the name that its records ask for."""
_NEEDED: Final = {"dns": {"query", "answers"}, "http": {"host", "id.resp_h"}, "ssl": {"server_name", "id.resp_h"}}
NAMING: Final = frozenset(_NAMES)
"""Log kinds that tell names."""


def _asked(frame: pl.DataFrame, name: pl.Expr, *, is_dns: bool) -> pl.DataFrame:
    """Return device, address and name, once each; what is asked for by its address has no name."""
    device = pl.coalesce("orig_device", "id.orig_h") if "orig_device" in frame.columns else pl.col("id.orig_h")
    address = pl.col("answers") if is_dns else pl.col("id.resp_h")
    found = frame.select(device.alias("device"), address.alias("address"), name.alias("name")).drop_nulls()
    told = found.explode("address") if is_dns else found
    lower = pl.col("name").str.to_lowercase().str.strip_chars_end(".").str.head(_LONGEST)
    named = told.with_columns(lower).filter(
        pl.col("address").str.contains(_ADDRESS), ~pl.col("name").str.contains(_ADDRESS), pl.col("name") != ""
    )
    return named.unique(["device", "address"], keep="first", maintain_order=True)
