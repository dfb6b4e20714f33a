"""Failed logins by address: so many a minute, and then none for a while."""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from api.serve.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Callable

MOST: Final = 10
"""Failures before an address waits: a person who pastes the wrong half of a token stays below that."""
PER_S: Final = 60.0
"""Each failure is forgotten after its part of this time."""
_ADDRESSES: Final = 10_000  # that are remembered; those that failed last
_IPV6_PREFIX: Final = 64  # one subscriber has as many addresses as it likes (RFC 6177)


class Failures:
    """A bucket that each failure of an address fills and time empties."""

    def __init__(self, clock: Callable[[], float], most: int = MOST, per_s: float = PER_S) -> None:
        self._clock, self._most, self._drop_s = clock, most, per_s / most
        self._empty_at: OrderedDict[str, float] = OrderedDict()

    def add(self, address: str) -> bool:
        """Note a failure; return whether it is the one from which on the address waits."""
        where, now, was_full = _subscriber(address), self._clock(), self.wait_s(address) > 0
        self._empty_at[where] = max(self._empty_at.pop(where, now), now) + self._drop_s
        if len(self._empty_at) > _ADDRESSES:
            self._empty_at.popitem(last=False)
        return not was_full and self.wait_s(address) > 0

    def wait_s(self, address: str) -> int:
        """Return for how many seconds the address has to wait, 0 for not at all."""
        filled = self._empty_at.get(_subscriber(address), 0.0) - self._clock()
        return max(0, math.ceil(filled - (self._most - 1) * self._drop_s))

    def refuse(self, address: str) -> None:
        """Raise a 429 while the address has to wait."""
        if wait := self.wait_s(address):
            raise ProblemError(
                429,
                "too_many_failures",
                f"too many wrong logins from this address; wait {wait} s, and check the token meanwhile",
                {"Retry-After": str(wait)},
            )


def _subscriber(address: str) -> str:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, _IPV6_PREFIX), strict=False))
    return str(getattr(found, "ipv4_mapped", None) or found)
