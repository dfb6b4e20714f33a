"""Amounts: what is usual of a service, and what a device gives away: what it sent, but for what receiving takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models.measures.excess import AMOUNT
from online_models.measures.time import DAY
from online_models.program.formulas import most

if TYPE_CHECKING:
    from online_models.kinds.kind import Formulas
    from online_models.program.formulas import Value

KIB = 1024.0
RECEIPTS = 40.0
"""Bytes received for each that a receiver has to send: requests, and where the payload holds them acknowledgements, of
which QUIC sends one of 30 to 50 bytes for every second to tenth packet of 1,200 (RFC 9000, 13.2.2)."""
USUAL_MOST = 2.0
"""How many times the most that any device of the site ever sent in one connection is no more than usual."""
SERVICE_MEMORY = 500.0
"""Records of a service that weigh in a mean."""
SIZES_MEMORY = 2.0 * DAY
"""Seconds of a service whose sizes weigh in what is usual, if those are more records: a busy address writes 500 within
an hour, and a night would make the sizes of every day strange."""


def given(f: Formulas) -> Value:
    """Return the KiB that the device sent beyond what it takes to receive."""
    return most(0.0, f.number("up") - f.number("down") / RECEIPTS) / KIB


def given_away(f: Formulas) -> Value:
    """Return what the device gives, or 0 where the site has long been giving this endpoint as much at once."""
    amount = f.variable(given(f))
    met = f.number("outbound") * f.is_known("site_endpoint")
    with f.when(met * (amount <= USUAL_MOST * f.get("site_endpoint", "most"))):
        f.assign(amount, 0.0)
    return amount


def count_amount(f: Formulas) -> None:
    """Count what the device gives away in this hour's amount."""
    f.add_amount(1, AMOUNT, given_away(f))


def learn_amount(f: Formulas) -> None:
    """Learn the most that any device of the site gave to this endpoint in one connection."""
    f.set("site_endpoint", "most", most(given(f), f.get("site_endpoint", "most")))


def _records_of_days(f: Formulas, count: Value) -> Value:
    """Return how many of so many records of the service weigh in what is usual."""
    return most(SERVICE_MEMORY, count / most(1.0, f.since("service") / SIZES_MEMORY))


def learn_sizes(f: Formulas) -> None:
    """Learn what a service sends and receives, and how long it lasts."""
    with f.when(f.number("sends")):
        sent = f.get("service", "sent")
        f.learn_moments("service", "up", f.number("size_up"), sent, _records_of_days(f, sent))
        f.bump("service", "sent")
    with f.when(f.number("exchanged")):
        exchanges = f.get("service", "exchanged")
        weigh = _records_of_days(f, exchanges)
        f.bump("service", "exchanged")
        f.learn_moments("service", "down", f.number("size_down"), exchanges, weigh)
        with f.when(f.number("has_duration")):
            f.learn_moments("service", "duration", f.number("log_duration"), exchanges, weigh)
