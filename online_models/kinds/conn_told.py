"""What is told of an anomalous conn record in numbers: observed and usual of its features, and what sentences need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models.kinds.conn_bounds import attempts
from online_models.kinds.conn_records import SHORT, SMALL
from online_models.measures.excess import AMOUNT, FAILURES, OTHER_THINGS, RECORDS, THINGS
from online_models.program.formulas import exp2, most, root

if TYPE_CHECKING:
    from online_models.kinds.kind import Formulas
    from online_models.program.formulas import Value

_RANGES = tuple(
    f"{name}.{what}"
    for name in ("volume.up", "volume.down", "volume.duration", "rhythm.gap")
    for what in ("range", "since")
)
"""Notes of what is usual of a service: between what nearly all lies, and since when that is known."""
NOTES = ("peer.sent_hour", "endpoint.records_hour", *_RANGES)


def _tell_usual(f: Formulas, name: str, observed: Value, column: str, added: float) -> None:
    """Tell a number of a service beside its geometric mean there, and between what most of them lie, since when."""
    mean, spread = f.get("service", column), 2.0 * root(f.get("service", f"{column}_variance"))
    usual, low, high = (most(0.0, exp2(log) - added) for log in (mean, mean - spread, mean + spread))
    f.tell(name, observed, usual * f.found("service"))
    f.tell(f"{name}.range", low, high)
    f.tell(f"{name}.since", f.get("service", "first"))


def tell(f: Formulas) -> None:
    """Tell observed and usual of every feature, and the notes."""
    known_for = f.since("device")
    new_peers = f.faded("service", "new_peers", "peers_faded_at")
    f.tell("novelty.endpoint", 1.0, f.rate_a_day(new_peers, known_for))
    for thing in ("network", "service"):
        f.tell(f"novelty.{thing}", 1.0, f.rate_a_day(f.faded("device", f"new_{thing}s", "faded_at"), known_for))
    new = f.faded("site_service", "new_networks", "last")
    site_rate = f.rate_a_day(new, f.since("site_service")) * f.found("site_service")
    f.tell("novelty.site", f.get("site_network", "devices"), site_rate)
    outcomes = f.get_nth("service", "answered", f.number("outcome"))
    f.tell("novelty.outcome", 1.0, outcomes / most(1.0, f.get("service", "count")))
    f.tell_reach(((THINGS, "peers"), (OTHER_THINGS, "services"), (FAILURES, "failures"), (RECORDS, "records")))
    for name in ("up", "down"):
        _tell_usual(f, f"volume.{name}", f.number(name), name, SMALL)
    _tell_usual(f, "volume.duration", f.number("duration"), "duration", SHORT)
    _tell_usual(f, "rhythm.gap", f.gap("service"), "gap", 1.0)
    f.tell("volume.sent_hour", f.observed(1, AMOUNT), f.usual(1, AMOUNT))
    f.tell("peer.sent_hour", f.last_hour("peer", "sent", "sent_before"))
    f.tell("endpoint.records_hour", attempts(f))
    f.tell("rhythm.regularity", root(f.get("endpoint", "gap_variance")), 1.0)
