"""What a device gives away in a connection: what it sent, but for what it sent to be given something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models.measures.excess import AMOUNT
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
