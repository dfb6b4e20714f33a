"""What a device gives away in a connection: what it sent beyond a talk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models.measures.excess import AMOUNT
from online_models.program.formulas import most

if TYPE_CHECKING:
    from online_models.kinds.kind import Formulas
    from online_models.program.formulas import Value

KIB = 1024.0
TALK = 2.0
"""Times what came back that one side of a call or a match sends: both speak, and one may show more than the other. Who
carries data away is answered by acknowledgements, a byte for 40 or fewer."""
USUAL_MOST = 2.0
"""How many times the most that any device of the site ever sent in one connection is no more than usual."""


def given(f: Formulas) -> Value:
    """Return the KiB that the device sent beyond what two send each other who talk."""
    return most(0.0, f.number("up") - TALK * f.number("down")) / KIB


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
