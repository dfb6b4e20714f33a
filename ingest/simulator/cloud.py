"""The names that devices look up, and the addresses behind them, which change while time goes by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.simulator.addresses import anywhere, network_of
from ingest.simulator.draws import combine, integers

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.simulator.addresses import Addresses
    from ingest.simulator.draws import Floats, Ints, Keys

MAX_ANSWERS: Final = 4


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One host name.

    Attributes
    ----------
    name
        The name; under ``.example``, so that no real host is meant.
    ttl
        Seconds for which an answer may be kept.
    answers
        Addresses in an answer, at most `MAX_ANSWERS`.
    rotation
        Seconds after which the answer holds other addresses.
    pool
        Addresses that the provider has for the name, all in its own network; 0 draws from the whole world.
    alias
        Canonical name that an answer begins with; empty for none.
    """

    name: str
    ttl: float = 60.0
    answers: int = 2
    rotation: float = 14_400.0
    pool: int = 16
    alias: str = ""


class Cloud:
    """A numbered table of endpoints, with their attributes as arrays so that many names resolve at once."""

    def __init__(self, endpoints: tuple[Endpoint, ...]) -> None:
        self.endpoints = endpoints
        self.number = {endpoint.name: i for i, endpoint in enumerate(endpoints)}
        self.ttl = np.array([e.ttl for e in endpoints])
        self.answers = np.array([e.answers for e in endpoints], dtype=np.int64)
        self.rotation = np.array([e.rotation for e in endpoints])
        self.pool = np.array([e.pool for e in endpoints], dtype=np.int64)
        self.network = np.array([network_of(e.name.split(".", 1)[1], 20) for e in endpoints], dtype=np.uint32)
        self.name_length = np.array([len(e.name) for e in endpoints], dtype=np.int64)
        self.alias_length = np.array([len(e.alias) for e in endpoints], dtype=np.int64)

    def cached_since(self, endpoint: Ints, time: Floats) -> Floats:
        """Return when the answer in use at `time` was given: answers are kept in step with the clock."""
        ttl = self.ttl[endpoint]
        return np.asarray(np.floor(time / ttl) * ttl, dtype=np.float64)

    def resolve(self, seed: int, endpoint: Ints, time: Floats) -> npt.NDArray[np.uint32]:
        """Return ``(n, MAX_ANSWERS)`` addresses in answer order; beyond the endpoint's number of answers they are 0."""
        epoch = np.floor(self.cached_since(endpoint, time) / self.rotation[endpoint]).astype(np.int64)
        columns = [self._answer(seed, endpoint, epoch, place) for place in range(MAX_ANSWERS)]
        out = np.stack(columns, axis=1)
        out[np.arange(MAX_ANSWERS)[None, :] >= self.answers[endpoint][:, None]] = 0
        return out

    def _answer(self, seed: int, endpoint: Ints, epoch: Ints, place: int) -> Addresses:
        key = combine("answer", seed, endpoint, epoch)
        slot = (integers(key, "slot", 0, 1 << 30) + place) % np.maximum(self.pool[endpoint], 1)
        inside = self.network[endpoint] + (16 + slot * 7 + endpoint * 101 % 3000).astype(np.uint32)
        return np.where(self.pool[endpoint] > 0, inside, anywhere(key, f"world {place}")).astype(np.uint32)

    def server(self, seed: int, endpoint: Ints, time: Floats, key: Keys) -> Addresses:
        """Return the address that a client connects to: mostly the first answer, else one of the others."""
        answers = self.resolve(seed, endpoint, time)
        other = integers(key, "server", 0, 1 << 30) % self.answers[endpoint]
        first = integers(key, "first", 0, 10) < 6
        return np.asarray(answers[np.arange(len(endpoint)), np.where(first, 0, other)], dtype=np.uint32)
