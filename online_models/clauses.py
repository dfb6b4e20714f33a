"""What each feature says of a record, in a clause that a person understands.

In the templates ``o`` is what was observed and ``u`` what is usual, in the units of docs/features.md, and ``op`` and
``up`` are the same as percentages, ``ob`` and ``ub`` as amounts of bytes, ``ok`` and ``uk`` as amounts of KiB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from online_models.behaviours import amount, plain

if TYPE_CHECKING:
    from collections.abc import Mapping


def clause(template: str, observed: float, usual: float) -> str:
    """Return the clause that a template makes of two numbers.

    >>> clause("{o} peers in a minute; {u} in a busy one", 214.0, 3.04)
    '214 peers in a minute; 3 in a busy one'
    """
    amounts = {"ob": amount(observed), "ub": amount(usual), "ok": amount(1024 * observed), "uk": amount(1024 * usual)}
    return template.format(o=plain(observed), u=plain(usual), op=f"{observed:.0%}", up=f"{usual:.0%}", **amounts)


def reach_clauses(*names: str) -> dict[str, str]:
    """Return the clauses of counters; a name is ``feature: what it counts``."""
    spans = ("minute", "hour")
    counters = [name.split(": ") for name in names]
    return {
        f"reach.{feature}_{span}": f"{{o}} {what} in the last {span}; {{u}} in a busy {span} of this device"
        for span in spans
        for feature, what in counters
    }


CONN: Final[Mapping[str, str]] = {
    "novelty.endpoint": "a peer that it has known for {o} h on this service, where it meets {u} new ones a day",
    "novelty.network": "a network that it has known for {o} h; it meets {u} new ones a day",
    "novelty.service": "a service that it has used for {o} h; it begins to use {u} new ones a day",
    "novelty.site": "{o} devices of the site use this network for this service, which meets {u} new ones a day",
    "novelty.outcome": "an outcome that {up} of its connections on this service have, at a new peer",
    **reach_clauses("peers: peers", "services: services at peers", "failures: failures", "records: connections"),
    "volume.up": "sent {ob}; {ub} are usual on this service",
    "volume.down": "received {ob}; {ub} are usual on this service",
    "volume.duration": "lasted {o} s; {u} are usual on this service",
    "volume.sent_hour": "sent {ok} in the last hour; {uk} in a busy hour of this device",
    "rhythm.gap": "came {o} s after the one before; {u} are usual on this service",
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
