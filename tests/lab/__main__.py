"""`python -m lab`: runs the lab and prints what was told, by group."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console

from lab import baseline
from lab.detector import PROJECT, DetectorError
from lab.groups import RECIPES
from lab.judge import Judgement
from lab.report import by_group, differences, table_of
from lab.running import Tree, kept, run
from lab.trees import NoCommitError, checked_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.recipe import Recipe

_HERE = "here"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="lab", description="Sites with known truth, and what is told of them.")
    parser.add_argument("--screening", action="store_true", help="only the sites of the screening")
    parser.add_argument("--only", metavar="TEXT", help="only sites whose name or group has this text in it")
    parser.add_argument("--base", metavar="COMMIT", help="also replay with the product of this commit, and compare")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="added to every recipe's seed")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes; 2 by default")
    parser.add_argument("--write-baseline", action="store_true", help="make the figures the new baseline")
    parser.add_argument("--check", action="store_true", help="fail if anything is worse than in the baseline")
    parser.add_argument(
        "--kept", action="store_true", help="run nothing: only sites that were run before with this code"
    )
    parser.add_argument("--false", action="store_true", help="list the false alerts, and what is not told")
    return parser.parse_args()


def main() -> int:
    """Run; return the status: 1 if a check failed."""
    arguments, console = _arguments(), Console(width=150)
    recipes = _chosen(arguments)
    began = time.monotonic()
    trees = [Tree.at(_HERE, PROJECT), *([checked_out(arguments.base)] if arguments.base else [])]
    if arguments.kept:
        outcomes = kept(recipes, trees[0])
        recipes = [recipe for recipe in recipes if recipe.name in outcomes]
    else:
        outcomes = run(recipes, trees, arguments.workers, _tell)
    sys.stderr.write("\n")
    console.print(table_of({tree.name: by_group(recipes, outcomes, tree.name) for tree in trees}))
    judged = [{n: j for n, o in outcomes.items() if isinstance(j := o[tree.name], Judgement)} for tree in trees]
    for reason in sorted({str(o[_HERE]) for o in outcomes.values() if not isinstance(o[_HERE], Judgement)}):
        console.print(f"skipped: {reason}")
    if arguments.false:
        _list(console, recipes, judged[0])
    known = baseline.Baseline.read().judgements if not arguments.seed else {}
    before = judged[1] if arguments.base else known
    for line in differences(recipes, before, judged[0]):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print(f"{len(recipes)} sites in {time.monotonic() - began:.0f} s")
    if arguments.write_baseline:
        baseline.write(RECIPES, judged[0])
    worse = baseline.worse(known, judged[0])
    worse += [f"{name} has no figures there; make lab ARGS=--write-baseline" for name in judged[0] if name not in known]
    for line in worse if arguments.check else ():
        console.print(f"worse than the baseline: {line}")
    return int(arguments.check and bool(worse))


def _chosen(arguments: argparse.Namespace) -> list[Recipe]:
    chosen = [recipe for recipe in RECIPES if recipe.screening or not arguments.screening]
    if arguments.only:
        chosen = [recipe for recipe in chosen if arguments.only in recipe.name or arguments.only in recipe.group]
    return [recipe.with_seed(arguments.seed) for recipe in chosen]


def _tell(done: int, of: int, name: str) -> None:
    sys.stderr.write(f"\r{done}/{of} {name:60.60}")
    sys.stderr.flush()


def _list(console: Console, recipes: Sequence[Recipe], judged: dict[str, Judgement]) -> None:
    for recipe in recipes:
        judgement = judged.get(recipe.name)
        for attack in judgement.attacks if judgement else ():
            if attack.should and attack.delay_s is None:
                console.print(f"{recipe.name}: {attack.kind} is not told", highlight=False)
        for line in judgement.false if judgement else ():
            console.print(f"{recipe.name}: false: {line}", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (NoCommitError, DetectorError) as problem:
        sys.stderr.write(f"\nlab: {problem}\n")
        sys.exit(2)
