"""Sums up judgements by group, in figures and as tables."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from rich.table import Table

from lab.judge import Judgement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lab.judge import Told
    from lab.recipe import Recipe
    from lab.running import Outcome

WHOLE: Final = "all"
_COLUMNS: Final = (
    "told",
    "delay",
    "false",
    "severe",
    "days",
    "1 in",
    "change",
    "what",
    "ATT&CK",
    "who",
    "peer",
    "grade",
)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a group's sites come to; shares are of what was told, None where nothing was."""

    sites: int
    attacks: int
    told: int
    delay_s: float | None
    false_alerts: int
    false_severe: int
    acceptable: int
    device_days: float
    shares: tuple[float | None, ...]

    @classmethod
    def of(cls, judgements: Sequence[Judgement]) -> Figures:
        """Sum up."""
        attacks = [told for judgement in judgements for told in judgement.attacks if told.should]
        told = [attack for attack in attacks if attack.delay_s is not None]
        delays = [attack.delay_s for attack in told if attack.delay_s is not None]
        return cls(
            sites=len(judgements),
            attacks=len(attacks),
            told=len(told),
            delay_s=median(delays) if delays else None,
            false_alerts=sum(j.false_alerts for j in judgements),
            false_severe=sum(j.false_severe for j in judgements),
            acceptable=sum(j.acceptable for j in judgements),
            device_days=round(sum(j.device_days for j in judgements), 1),
            shares=tuple(_share(told, name) for name in ("behaviour", "technique", "direction", "peer", "severity")),
        )

    def cells(self) -> list[str]:
        """Return the figures as a table has them."""
        rate = self.device_days / self.false_alerts if self.false_alerts else None
        return [
            f"{self.told}/{self.attacks}" if self.attacks else "",
            "" if self.delay_s is None else f"{self.delay_s:.0f} s",
            str(self.false_alerts),
            str(self.false_severe),
            f"{self.device_days:.0f}",
            "" if rate is None else f"{rate:.0f}",
            str(self.acceptable or ""),
            *("" if share is None else f"{100 * share:.0f}" for share in self.shares),
        ]


def _share(told: Sequence[Told], name: str) -> float | None:
    return sum(bool(getattr(attack, name)) for attack in told) / len(told) if told else None


def by_group(recipes: Iterable[Recipe], outcomes: Mapping[str, Outcome], tree: str) -> dict[str, Figures]:
    """Return the figures of every group with sites that could be built, and of the whole."""
    groups: dict[str, list[Judgement]] = {}
    for recipe in recipes:
        judgement = outcomes[recipe.name][tree]
        if isinstance(judgement, Judgement):
            groups.setdefault(recipe.group, []).append(judgement)
    everything = [judgement for group in groups.values() for judgement in group]
    return {name: Figures.of(group) for name, group in groups.items()} | {WHOLE: Figures.of(everything)}


def table_of(figures: Mapping[str, Mapping[str, Figures]]) -> Table:
    """Return a table of the groups' figures, a row for each tree."""
    table = Table("group", "sites", *(["tree"] if len(figures) > 1 else []), *_COLUMNS, box=None)
    first = next(iter(figures.values()))
    for group in first:
        for name, groups in figures.items():
            row = [group, str(groups[group].sites)] if name == next(iter(figures)) else ["", ""]
            table.add_row(*row, *([name] if len(figures) > 1 else []), *groups[group].cells())
    return table


def differences(
    recipes: Iterable[Recipe], before: Mapping[str, Judgement], after: Mapping[str, Judgement]
) -> list[str]:
    """Return a line for each site of which another thing is told now."""
    lines = []
    for recipe in recipes:
        old, new = before.get(recipe.name), after.get(recipe.name)
        if old is None or new is None or old == new:
            continue
        lines += [f"{recipe.name}: {line}" for line in _changed(old, new)]
    return lines


def _changed(old: Judgement, new: Judgement) -> list[str]:
    lines = []
    for was, is_now in zip(old.attacks, new.attacks, strict=False):
        if (was.delay_s is None) != (is_now.delay_s is None):
            lines.append(f"{is_now.kind} is {'not told any more' if is_now.delay_s is None else 'told now'}")
        elif was.delay_s is not None and is_now.delay_s is not None and is_now.delay_s > was.delay_s + 60.0:
            lines.append(f"{is_now.kind} is told after {is_now.delay_s:g} s, before {was.delay_s:g} s")
    lines += [f"more false: {line}" for line in new.false if line not in old.false]
    lines += [f"no longer false: {line}" for line in old.false if line not in new.false]
    return lines
