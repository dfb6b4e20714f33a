"""What each feature says of a record, in a clause that a person understands.

In the templates ``o`` is what was observed and ``u`` what is usual, in the units of docs/features.md, and ``op`` and
``up`` are the same as percentages, ``ob`` and ``ub`` as amounts of bytes, ``ok`` and ``uk`` as amounts of KiB.
``since`` says from which day on the device is known; and of what has a range, ``range_b`` (bytes) and ``range_s``
(seconds) say from what to what is usual, and from which day on.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from online_models.behaviours import amount, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


SINCE: Final = "device.since"
"""Name of the note that says since when a device is known, epoch seconds."""
_NOTHING: Final = (0.0, 0.0)  # observed and usual of a note that was not made


def clause(
    template: str, observed: float, usual: float, told: Mapping[str, tuple[float, float]] | None = None, name: str = ""
) -> str:
    """Return the clause that a template makes of two numbers, and of the notes of what has the feature's name.

    >>> clause("{o} peers in a minute; {u} in a busy one{since}", 214.0, 3.04, {SINCE: (1_767_600_000.0, 0.0)})
    '214 peers in a minute; 3 in a busy one since 5 Jan'
    """
    notes = told or {}
    least_most, since = notes.get(f"{name}.range", _NOTHING), _since(notes.get(f"{name}.since", _NOTHING)[0])
    amounts = {"ob": amount(observed), "ub": amount(usual), "ok": amount(1024 * observed), "uk": amount(1024 * usual)}
    return template.format(
        o=plain(observed),
        u=plain(usual),
        op=f"{observed:.0%}",
        up=f"{usual:.0%}",
        range_b=_range([amount(octets) for octets in least_most], since),
        range_s=_range([f"{plain(seconds)} s" for seconds in least_most], since),
        since=_since(notes.get(SINCE, _NOTHING)[0]),
        **amounts,
    )


def _since(moment: float) -> str:
    try:
        day = datetime.fromtimestamp(moment, UTC)
    except (OverflowError, ValueError):  # a number that is no time
        return ""
    return f" since {day.day} {day:%b}" if moment > 0.0 else ""


def _range(least_most: Sequence[str], since: str) -> str:
    """Say what is usual, if it is known since any day."""
    if not since:
        return "nothing is usual yet"
    return f"{' to '.join(dict.fromkeys(least_most))} are usual{since}"


def reach_clauses(*names: str) -> dict[str, str]:
    """Return the clauses of counters; a name is ``feature: what it counts``."""
    spans = ("minute", "hour")
    counters = [name.split(": ") for name in names]
    return {
        f"reach.{feature}_{span}": f"{{o}} {what} in the last {span}; up to {{u}} are usual in one{{since}}"
        for span in spans
        for feature, what in counters
    }
