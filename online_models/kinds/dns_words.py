"""What is said of a dns record: each feature in a clause, and each behaviour with its technique in a sentence."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from publicsuffixlist import PublicSuffixList

from online_models.behaviours import (
    ATTACK,
    CONTACT,
    Behaviour,
    Likeness,
    Sighting,
    burst,
    counted_burst,
    plain,
    reach_clauses,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


CLAUSES: Final[Mapping[str, str]] = {
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


def tunnel(s: Sighting) -> str:
    """Tell of data in names."""
    names, sent = s.facts["domain.names"][0], s.facts["domain.bytes"][0]
    asked = f"{s.device} asked for {plain(names)} names with {plain(sent)} bytes in them"
    return f"{asked} under one domain in an hour, last {s.target}"


def generated(s: Sighting) -> str:
    """Tell of names that do not exist."""
    count, usual, span = burst(s, "failures")
    return f"{s.device} had {plain(count)} failed lookups in {span}, last {s.target}; usual is {plain(usual)}"


def dns_flood(s: Sighting) -> str:
    """Tell of a burst of queries."""
    count, usual, span, counter = counted_burst(s, "records", "names")
    made = f"asked for {plain(count)} names" if counter == "names" else f"made {plain(count)} lookups"
    return f"{s.device} {made} in {span}, last {s.target} at {s.peer}; usual is {plain(usual)}"


def new_domain(s: Sighting) -> str:
    """Tell of a first lookup."""
    rate = s.facts["novelty.domain"][1]
    return f"{s.device} asked {s.peer} for {s.target}, which is new to it; new domains come {plain(rate)} a day"


BEHAVIOURS = (
    Behaviour("dns-tunnel", "T1071.004", ATTACK, tunnel, Likeness((0,), ("new-domain",), by_name=True)),
    Behaviour("generated-names", "T1568.002", ATTACK, generated, Likeness((0,), ("new-domain",))),
    Behaviour("dns-flood", "T1498", ATTACK, dns_flood, Likeness((1,))),
    Behaviour("new-domain", "T1071.004", CONTACT, new_domain, Likeness(by_name=True), drifts=True),
)
"""Like an alert is the same domain. A flood of lookups: the same resolver."""


_LONGEST_TOP_LEVEL: Final = 24
"""Letters of the longest top-level domain that IANA lists: xn--vermgensberatung-pwb."""


@cache
def _suffixes() -> PublicSuffixList:
    """Return the list, read at the first anomaly that needs it: no start waits for it."""
    return PublicSuffixList()


def registered_domain(target: str, _peer: str = "") -> str:
    """Return the registered domain of a name as `online_models.features.names` takes it.

    Examples
    --------
    >>> registered_domain("eu.api.vendor.co.uk."), registered_domain("printer-2")
    ('vendor.co.uk', 'names without a domain')
    """
    name = target.lower().rstrip(".")
    last = name.rpartition(".")[2]
    is_public = last != name and len(last) <= _LONGEST_TOP_LEVEL
    if not is_public or (last[2:4] != "--" and any(letter.isdigit() for letter in last)):
        return "names without a domain"
    if last == "arpa":  # addresses stand under its suffixes
        return ".".join(name.split(".")[-2:])
    return _suffixes().privatesuffix(name) or name


def name_itself(target: str) -> str:
    """Return a domain name as rules spell it."""
    return target.rstrip(".").lower()
