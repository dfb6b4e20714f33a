"""Records of any log kind, made from its columns alone: an ordinary site, what an infected device does, and nonsense.

So a kind that is new needs no records of its own to be checked. Every time is a multiple of 1/8 s, and exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from ingest.decode.schemas import SCHEMAS, required_of

if TYPE_CHECKING:
    import numpy.typing as npt

START: Final = 1_767_600_000.0
"""Log time at which the site begins, epoch seconds."""
HOUR: Final = 3600.0
DEVICES: Final = tuple(f"192.168.7.{10 + number}" for number in range(4))
VICTIM: Final = DEVICES[1]

_VALUES: Final[dict[str, tuple[Any, Any]]] = {
    "id.orig_p": (40_000, 40_000),
    "id.resp_p": (443, 23),
    "proto": ("tcp", "tcp"),
    "service": (None, None),
    "conn_state": ("SF", "S0"),
    "history": (None, None),
    "local_orig": (None, None),
    "local_resp": (None, None),
    "missed_bytes": (0, 0),
    "tunnel_parents": (None, None),
    "orig_l2_addr": (None, None),
    "resp_l2_addr": (None, None),
    "qtype": (1, 16),
    "qclass": (1, 1),
    "rcode": (0, 3),
    "Z": (0, 0),
    "method": ("GET", "POST"),
    "status_code": (200, 404),
    "validation_status": ("ok", "self signed certificate"),
    "connect_status": ("Connection Accepted", "Refused: bad user name or password"),
    "from_client": (True, True),
    "action": ("MQTT::SUBSCRIBE", "MQTT::SUBSCRIBE"),
    "community_id": (None, None),
}
"""Columns whose values have a meaning in their protocol: an ordinary one, and an attacker's."""
_NONSENSE: Final[dict[type[pl.DataType], list[Any]]] = {
    pl.String: [None, "", "-", "\x00", "\n\t\"'<script>", "\u202e\U0001f600", "x" * 70_000, "..", "::ffff:1.2.3.4"],
    pl.Int64: [None, 0, -1, 2**63 - 1, -(2**63), 7, 1, 65_536, 3],
    pl.Float64: [None, 0.0, -1.0, 1e300, -1e300, float("nan"), float("inf"), 1e-300, START],
    pl.UInt16: [None, 0, 65_535, 1, 2, 3, 4, 5, 6],
    pl.Boolean: [None, True, False] * 3,
    pl.List: [None, [], [None], [""], ["a"] * 1000, [None], [], None, [None]],
}


@dataclass(frozen=True, slots=True)
class Records:
    """Makes frames of one log kind."""

    kind: str

    def ordinary(self, begin: float, hours: float, every: float = 900.0) -> pl.DataFrame:
        """Return what four devices do again and again, each every so many seconds: own things at two peers."""
        rows, random = [], np.random.default_rng(int(begin))
        for number, device in enumerate(DEVICES):
            times = begin + 8.0 * number + np.arange(0.0, hours * HOUR, every)
            times += random.integers(0, int(every / 4.0), times.size)
            peers = [f"203.0.113.{2 * number + k % 2}" for k in range(times.size)]
            rows.append(self._frame(times, device, peers, [f"{number}-{k % 2}" for k in range(times.size)]))
        return pl.concat(rows).sort("ts", maintain_order=True)

    def attack(
        self, begin: float, count: int = 80, device: str = VICTIM, seed: int = 1, different: int = 20
    ) -> pl.DataFrame:
        """Return twice a second of one device what its protocol calls a failure, at new peers and about new things.

        After ``different`` ones they come again: fewer than an alert remembers.
        """
        random = np.random.default_rng(seed)
        peers = [".".join(map(str, random.integers(20, 99, 4))) for _ in range(different)]
        things = [f"{random.integers(1, 2**40):x}" for _ in range(different)]
        peers, things = ([values[k % different] for k in range(count)] for values in (peers, things))
        return self._frame(begin + 0.5 * np.arange(count), device, peers, things, is_attack=True)

    def flood(self, begin: float, count: int) -> pl.DataFrame:
        """Return one record of each of many devices, each at a peer and about a thing of its own."""
        devices = [f"10.{k // 40_000}.{k // 200 % 200}.{k % 200 + 1}" for k in range(count)]
        other = self.attack(begin, count, different=count)
        client, _ = required_of(self.kind)[1:]
        return other.with_columns(pl.Series(client, devices))

    def nonsense(self) -> pl.DataFrame:
        """Return records whose columns hold, one after the other, all that a type can."""
        schema = SCHEMAS[self.kind]
        columns = {name: _NONSENSE[dtype.base_type()] for name, dtype in schema.items()}
        rotated = {name: values[-k % 9 :] + values[: -k % 9] for k, (name, values) in enumerate(columns.items())}
        return pl.concat([pl.DataFrame(part, schema=schema, strict=False) for part in (columns, rotated)])

    def _frame(
        self, ts: npt.NDArray[np.float64], device: str, peers: list[str], things: list[str], *, is_attack: bool = False
    ) -> pl.DataFrame:
        n, (client, server) = len(ts), required_of(self.kind)[1:]
        ends = {"ts": ts, "uid": [f"C{device}:{t}" for t in ts], client: [device] * n, server: peers}
        random = np.random.default_rng(n)
        columns = {}
        for name, dtype in SCHEMAS[self.kind].items():
            columns[name] = ends[name] if name in ends else _column(name, dtype, things, random, is_attack=is_attack)
        return pl.DataFrame(columns, schema=SCHEMAS[self.kind])


def _column(
    name: str, dtype: pl.DataType, things: list[str], random: np.random.Generator, *, is_attack: bool
) -> list[Any]:
    n = len(things)
    if name in _VALUES:
        return [_VALUES[name][is_attack]] * n
    if dtype == pl.String:
        return [f"{name}-{thing}.example" for thing in things]
    if dtype == pl.Boolean:
        return [not is_attack] * n
    if isinstance(dtype, pl.List):
        return [[f"{name}-{thing}.example"] if dtype.inner == pl.String else [1] for thing in things]
    if dtype == pl.Float64:
        return [0.25] * n
    return [int(value) for value in (100_000 if is_attack else 100) + random.integers(0, 20, n)]
