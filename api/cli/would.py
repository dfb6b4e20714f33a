"""What a backtest says of decisions, as JSON and in words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from api.cli.harmless import harmless

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.offline.consequences import Would


def decisions_in_json(found: Sequence[Would]) -> dict[str, Any]:
    """Return what would have been decided, with its sums."""
    blocks = [one for one in found if one.outcome == "blocked"]
    return {
        **{outcome: sum(one.outcome == outcome for one in found) for outcome in ("blocked", "suggested", "refused")},
        "ordinary_records": sum(sum(one.ordinary.values()) for one in blocks),
        "anomalous_records": sum(sum(one.anomalous.values()) for one in blocks),
        "by_rule": dict(Counter(one.decision.rule for one in blocks).most_common()),
        "list": [_one(would) for would in found],
    }


def decisions_in_words(found: Sequence[Would]) -> str:
    """Return the same as lines of text."""
    told = decisions_in_json(found)
    outcomes = (
        f"{told['blocked']:,} blocks, {told['suggested']:,} only suggested by a limit, {told['refused']:,} refused"
    )
    lost = f"{told['ordinary_records']:,} ordinary, {told['anomalous_records']:,} anomalous"
    lines = [
        f"\ndecisions, had every mode been enforce: {outcomes}",
        f"records that would not have passed: {lost}",
        *(f"  {harmless('rule ' + rule):<40}{count:>8,}" for rule, count in told["by_rule"].items()),
        *map(_line, found),
    ]
    return "\n".join(lines) + "\n"


def _one(would: Would) -> dict[str, Any]:
    decision, target = would.decision, would.decision.target
    return {
        "id": decision.id,
        "outcome": would.outcome,
        "mode": would.mode,
        "kind": target.kind,
        "device": target.device,
        "peer": target.peer,
        "domain": target.domain,
        "action": decision.action,
        "begin": decision.made_at,
        "end": would.end,
        "seconds": round(would.end - decision.made_at, 3),
        "step": decision.step,
        "rule": decision.rule,
        "reason": would.reason,
        "alert": decision.alert,
        "behaviour": decision.behaviour,
        "sentence": decision.sentence,
        "ordinary": would.ordinary,
        "anomalous": would.anomalous,
    }


def _line(would: Would) -> str:
    from datetime import UTC, datetime

    from prevention.policy.hours import in_words

    decision = would.decision
    begin = datetime.fromtimestamp(decision.made_at, UTC).strftime("%Y-%m-%d %H:%M:%S")
    what = f"{begin}  {would.outcome:<9}  {decision.action} {decision.target}"
    if would.outcome == "blocked":
        again = f", time {decision.step + 1}" if decision.step else ""
        what += f" for {in_words(round(would.end - decision.made_at))}{again}, mode {would.mode}"
        what += f", {sum(would.ordinary.values()):,} ordinary records; {decision.behaviour}"
    return harmless(f"{what}; {would.reason}")
