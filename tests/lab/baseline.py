"""The committed figures that a change is held against: every recipe's digest and what became of its site."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lab.judge import Judgement, Told
from lab.report import Figures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lab.recipe import Recipe

PATH: Final = Path(__file__).with_name("baseline.json")


@dataclass(frozen=True, slots=True)
class Baseline:
    """Name of a recipe to its digest, and to what became of its site."""

    digests: dict[str, str]
    judgements: dict[str, Judgement]

    @classmethod
    def read(cls, path: Path = PATH) -> Baseline:
        """Read the baseline; there is an empty one where the file is absent."""
        data: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
        return cls(
            {name: entry["digest"] for name, entry in data.items()},
            {name: _judgement(entry["judgement"]) for name, entry in data.items() if "judgement" in entry},
        )


def _judgement(data: Mapping[str, Any]) -> Judgement:
    attacks = tuple(Told(**attack) for attack in data["attacks"])
    return Judgement(**{**data, "attacks": attacks, "false": tuple(data["false"])})


def write(recipes: Sequence[Recipe], judgements: Mapping[str, Judgement], path: Path = PATH) -> None:
    """Write a baseline of all recipes, with the figures of those that were run; the others keep what they had."""
    old = Baseline.read(path)
    data = {}
    for recipe in recipes:
        known = judgements.get(recipe.name) or old.judgements.get(recipe.name)
        entry: dict[str, Any] = {"digest": recipe.digest()}
        data[recipe.name] = entry | ({"judgement": asdict(known)} if known else {})
    path.write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in data.items()) + "\n}\n")


def worse(before: Mapping[str, Judgement], after: Mapping[str, Judgement]) -> list[str]:
    """Return in what a run is worse than the baseline, over the sites that both have; exact, since replay is.

    Fewer attacks told, more false alerts, more of them severe, or fewer alerts that are right in what they say.
    """
    both = [name for name in after if name in before]
    old, new = Figures.of([before[name] for name in both]), Figures.of([after[name] for name in both])
    checks = (
        ("attacks told", old.told, new.told, new.told < old.told),
        ("false alerts", old.false_alerts, new.false_alerts, new.false_alerts > old.false_alerts),
        ("severe false alerts", old.false_severe, new.false_severe, new.false_severe > old.false_severe),
    )
    return [f"{what}: {is_now}, before {was}" for what, was, is_now, failed in checks if failed]
