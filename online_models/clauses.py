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
_NOTHING: Final = (0.0, 0.0)
_LATEST: Final = 1e11
"""Epoch seconds of the year 5138: what is beyond is no time."""


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
    day = datetime.fromtimestamp(moment, UTC) if 0.0 < moment < _LATEST else None
    return f" since {day.day} {day:%b}" if day else ""


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


CONN: Final[Mapping[str, str]] = {
    "novelty.endpoint": "a peer that it does not know for long on this service; it meets {u} new ones a day{since}",
    "novelty.network": "a network that it does not know for long; it meets {u} new ones a day{since}",
    "novelty.service": "a service that it does not use for long; it begins to use {u} new ones a day{since}",
    "novelty.site": "{o} devices of the site use this network for this service, which meets {u} new ones a day",
    "novelty.outcome": "an outcome that {up} of its connections on this service have, at a new peer",
    **reach_clauses("peers: peers", "services: services at peers", "failures: failures", "records: connections"),
    "volume.up": "sent {ob} on this service; {range_b}",
    "volume.down": "received {ob} on this service; {range_b}",
    "volume.duration": "lasted {o} s on this service; {range_s}",
    "volume.sent_hour": "sent {ok} in the last hour; up to {uk} are usual in one{since}",
    "rhythm.gap": "came {o} s after the one before on this service; {range_s}",
    "rhythm.regularity": "calls a young peer at regular times: gaps differ by a factor of 2 to the power of {o}",
}

DNS: Final[Mapping[str, str]] = {
    "shape.length": "{o} bytes of name below the domain",
    "shape.label": "a label of {o} bytes",
    "shape.entropy": "{o} bits of randomness in each byte of the name",
    "shape.digits": "{op} of the name are digits",
    "shape.answer": "answers of {o} bytes",
    "shape.type": "a type of query that {up} of the site's queries have",
    "domain.names": "{o} names under one domain in the last hour",
    "domain.bytes": "{o} bytes of names under one domain in the last hour",
    "domain.fresh": "{op} of the queries for this domain were for a new name",
    **reach_clauses("domains: domains", "names: names", "failures: failed look-ups", "records: look-ups"),
    "novelty.domain": "a domain that is new to it; it asks for {u} new ones a day",
    "novelty.site": "a domain that {o} devices of the site ask for; the site meets {u} new ones a day",
    "novelty.resolver": "a resolver that is new to it; it asks {u} new ones a day",
    "novelty.type": "a type of query that {up} of its queries have",
    "novelty.result": "a result that {up} of its queries have, for a new domain",
}
