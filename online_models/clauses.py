"""What each feature says of a record, in a clause that a person understands.

In the templates ``o`` is what was observed and ``u`` what is usual, in the units of docs/features.md, and ``op`` and
``up`` are the same as percentages, ``ob`` and ``ub`` as amounts of bytes, ``ok`` and ``uk`` as amounts of KiB.
"""

from __future__ import annotations

from online_models.behaviours import amount, plain


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
