"""By which names the models know devices that people have merged and split, and since which record."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from api.state.devices.identifiers import id_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_IPV4, _IPV6 = 4, 6
_SPLIT_OFF: Final = re.compile(r"/s[0-9]+$")
_MAC: Final = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


@dataclass(frozen=True, slots=True)
class Names:
    """What the models call whom, beside what evidence says.

    Attributes
    ----------
    split
        ``(name, address)`` to another name: who is known by the name by evidence and has the address is another.
    merged
        Names, after that, to the name of the device that they were merged into.
    """

    split: Mapping[tuple[str, str], str] = field(default_factory=dict)
    merged: Mapping[str, str] = field(default_factory=dict)

    def of(self, name: str) -> str:
        """Return the name by which the models know whom they knew by this one."""
        return self.merged.get(name, name)

    def all_of(self, name: str) -> list[str]:
        """Return all names of the device that is known by this one, its own first."""
        own = self.of(name)
        return [own, *(other for other, into in self.merged.items() if into == own)]

    def evidence_of(self, name: str) -> list[str]:
        """Return by which names evidence knows the addresses of the device that is known by this one."""
        names = self.all_of(name)
        return [*names, *dict.fromkeys(by for (by, _), new in self.split.items() if new in names)]

    def state(self) -> dict[str, Any]:
        """Return everything in JSON types."""
        return {"split": [[*key, name] for key, name in self.split.items()], "merged": dict(self.merged)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Names:
        """Rebuild what `state` returned."""
        return cls({(name, address): new for name, address, new in state["split"]}, state["merged"])


@dataclass(frozen=True, slots=True)
class Renaming:
    """Names that hold from the record of each log kind on that has this number; `id` counts such changes."""

    id: int
    names: Names
    records: Mapping[str, int]


def names_after(connection: sqlite3.Connection, before: Names, groups: Sequence[Sequence[str]]) -> Names:
    """Return the names once these are the groups of some parts, each with its root first; those of others stay."""
    rows = connection.execute("SELECT known_as, address, name FROM device_split ORDER BY known_as, address")
    split = {(known_as, address): name for known_as, address, name in rows}
    named = [[(part, _ordered(connection, part)) for part in group] for group in groups]
    concerned = {name for group in named for _, names in group for name in names}
    merged = {name: into for name, into in before.merged.items() if name not in concerned}
    for group in named:
        merged |= _merged(group, frozenset(split.values()))
    return Names(split, merged)


def _merged(group: Sequence[tuple[str, Sequence[str]]], split_off: frozenset[str]) -> dict[str, str]:
    """Return the names of a group's parts that stand for another: the first one of its kind that there is.

    Two names of one part are two devices to the models, as they were; but one that an address had while it was split
    off is its part's again.
    """
    own: dict[int, tuple[str, str]] = {}
    merged: dict[str, str] = {}
    for part, names in group:
        for name in names:
            first, into = own.setdefault(family_of(name), (part, name))
            is_over = _SPLIT_OFF.search(name) is not None and name not in split_off
            if name != into and (part != first or is_over):
                merged[name] = into
    return merged


def _ordered(connection: sqlite3.Connection, part: str) -> list[str]:
    """Return the names of a part, that by which it was first known before the others."""
    rows = connection.execute("SELECT known_as FROM device_name WHERE device = ?", (part,))
    return sorted(
        (row[0] for row in rows), key=lambda name: (id_of(name) != part, _SPLIT_OFF.search(name) is not None, name)
    )


def family_of(name: str) -> int:
    """Return whether a name is that of what a host does over IPv4 or over IPv6, which are two to the models.

    >>> [family_of(name) for name in ("10.0.0.5", "fe80::1", "02:00:00:00:00:17", "02:00:00:00:00:17/6", "fe80::1/s3")]
    [4, 6, 4, 6, 6]
    """
    own, _, end = name.partition("/")
    return _IPV6 if end == "6" or (":" in own and not _MAC.fullmatch(own)) else _IPV4


def latest_names(connection: sqlite3.Connection) -> Names:
    """Return the names that hold after all changes."""
    row = connection.execute("SELECT names FROM device_change ORDER BY id DESC LIMIT 1").fetchone()
    return Names.from_state(orjson.loads(row[0])) if row else Names()


def renamings_in(path: Path) -> list[Renaming]:
    """Return the changes whose names are kept, in their order; the store must be of this version.

    There are none without a store, nor in the empty file that is left where the disk was too full to make one.
    """
    if not path.exists():
        return []
    with closing(sqlite3.connect(path.absolute().as_uri() + "?mode=ro", uri=True, timeout=5.0)) as connection:
        is_made = connection.execute("PRAGMA user_version").fetchone()[0] > 0
        return list(_renamings(connection)) if is_made else []


def _renamings(connection: sqlite3.Connection) -> Iterator[Renaming]:
    sql = "SELECT id, names, records FROM device_change WHERE names != '' ORDER BY id"
    for number, names, records in connection.execute(sql):
        yield Renaming(number, Names.from_state(orjson.loads(names)), orjson.loads(records))
