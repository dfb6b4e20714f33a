"""What a user's declaration of a log kind says, once it was read and found right."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from online_models.measures.time import SPANS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

DEVICE, PAIR, SITE, SERVER = "device", "pair", "site", "server"
OWNERS: Final = (DEVICE, PAIR, SERVER, SITE)
"""Whose a thing can be; or it is that of another key."""

NEWNESS, SURPRISE, DISTANCE, EXCESS, FAILURES, GAP, REGULARITY = (
    *("newness", "surprise", "distance", "excess", "failures"),
    *("gap", "regularity"),
)
MEASURES: Final = (NEWNESS, SURPRISE, DISTANCE, EXCESS, FAILURES, GAP, REGULARITY)
"""What can be asked of a record."""

Condition = dict[str, Any]
"""Column to what it must hold: a pattern, whether it is set (or true), a number, or a range of numbers."""


@dataclass(frozen=True, slots=True)
class DeclaredKey:
    """A thing that is remembered: of whom, told apart by which columns, and in which records."""

    name: str
    of: str
    columns: tuple[str, ...]
    only: Condition
    is_of_site: bool


@dataclass(frozen=True, slots=True)
class Measure:
    """One question of a view.

    Attributes
    ----------
    asks
        One of `MEASURES`.
    about
        A key, a column (distance), or ``records`` or ``failures`` (excess).
    key
        The key whose entries remember the answers, ``""`` for what is counted in windows.
    beyond
        Failures in an hour beyond what is usual that count in full.
    says
        Template of the reason; of an excess, what is counted.
    decides
        Whether one record raises the alert.
    """

    name: str
    asks: str
    about: str
    key: str
    beyond: float
    says: str
    decides: bool

    @property
    def features(self) -> tuple[str, ...]:
        """Return the names of the features that the question becomes."""
        return tuple(f"{self.name}_{span}" for span in SPANS) if self.asks == EXCESS else (self.name,)


@dataclass(frozen=True, slots=True)
class ViewOf:
    """A view, and how much a decade of it counts."""

    name: str
    weight: float
    measures: tuple[Measure, ...]


@dataclass(frozen=True, slots=True)
class DeclaredBehaviour:
    """A behaviour, and the measures (``view.measure``) that it tells of."""

    name: str
    technique: str | None
    gravity: int
    sentence: str
    tells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Declaration:
    """A whole declaration; ``schema`` has the columns that are read."""

    log: str
    client: str
    server: str
    schema: pl.Schema
    target: str
    share: float
    failed: Condition
    keys: tuple[DeclaredKey, ...]
    views: tuple[ViewOf, ...]
    behaviours: tuple[DeclaredBehaviour, ...]

    @property
    def measures(self) -> dict[str, Measure]:
        """Return all measures by ``view.measure``."""
        return {f"{view.name}.{one.name}": one for view in self.views for one in view.measures}

    @property
    def by_key(self) -> Mapping[str, DeclaredKey]:
        """Return the keys by name."""
        return {key.name: key for key in self.keys}

    @property
    def digest(self) -> str:
        """Return what tells declarations apart whose models mean different things; words are none of it."""
        views = [
            (view.name, view.weight, [{**asdict(one), "says": ""} for one in view.measures]) for view in self.views
        ]
        told = [(one.name, one.tells) for one in self.behaviours]
        columns = [(name, str(dtype)) for name, dtype in self.schema.items()]
        meant = [self.client, self.server, columns, self.failed, [asdict(key) for key in self.keys], views, told]
        return hashlib.blake2b(json.dumps(meant, sort_keys=True).encode(), digest_size=8).hexdigest()
