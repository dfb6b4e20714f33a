"""Models of a snapshot that no declaration names now: kept as they are, until the same declaration is there again."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from online_models.errors import SnapshotError
from online_models.kinds import BUILT_IN
from online_models.snapshots import arrays_below

if TYPE_CHECKING:
    from collections.abc import Mapping

    from online_models.kinds.kind import Kind
    from online_models.snapshots import Arrays

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DormantKinds:
    """What a snapshot says of such kinds: arrays by path, and meta data by kind."""

    arrays: Arrays = field(default_factory=dict)
    learned: Mapping[str, int] = field(default_factory=dict)
    models: Mapping[str, Any] = field(default_factory=dict)


def sorted_out(meta: Mapping[str, Any], kinds: Mapping[str, Kind]) -> tuple[list[str], list[str]]:
    """Return which kinds go on from a snapshot, and which of its kinds are to be kept beside them.

    A kind that the snapshot knows by another declaration, or not at all, begins anew; that is logged.

    Raises
    ------
    SnapshotError
        If a built-in kind is missing: the snapshot was written by other models.
    """
    known = meta["models"]
    missing = [name for name in BUILT_IN if name in kinds and name not in known]
    if missing:
        raise SnapshotError(f"the model snapshot lacks {', '.join(missing)}: it was written by other models")
    unnamed = [name for name in known if name not in kinds]
    if unnamed:
        _log.warning("no declaration names the log kinds %s: their models are kept, and not used", ", ".join(unnamed))
    goes_on = []
    for name, kind in kinds.items():
        if name not in known:
            _log.warning("the log kind %s is new to these models: it begins to learn; the others go on", name)
        elif known[name].get("declaration", "") != kind.declaration:
            _log.warning("the log kind %s was learned by another declaration: its model begins anew", name)
        else:
            goes_on.append(name)
    return goes_on, unnamed


def kept_of(data: bytes, meta: Mapping[str, Any], unnamed: list[str]) -> DormantKinds:
    """Return what is to be kept of a snapshot."""
    if not unnamed:
        return DormantKinds()
    learned = {name: meta["learned"][name] for name in unnamed}
    return DormantKinds(arrays_below(data, unnamed), learned, {name: meta["models"][name] for name in unnamed})
