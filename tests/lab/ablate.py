"""`python -m lab.ablate`: what each number and rule of the declared kinds does for what the lab is told.

Every site of the screening is built and decoded once, and read by an engine for each variation (`lab.variations`): each
rule off, each number halved and doubled. Only models that a variation changes are run again. A variation that changes
no judgement of any site is one that the lab does not need.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.pipeline.pieces import in_one_piece
from ingest.context.identity import Identities
from ingest.follow.replay import ReplaySource
from lab.captures import CaptureMissingError
from lab.groups import RECIPES
from lab.judge import judge
from lab.report import Figures
from lab.site import TRUTH, build, read_truth
from lab.variations import WHAT, compiled_in, variations
from online_models.engine import Engine
from online_models.kinds import BUILT_IN, KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.records import RecordBatch
    from lab.judge import Judgement
    from lab.recipe import Recipe
    from lab.variations import Variation
    from online_models.kinds.kind import Kind

    Alerts = dict[str, list[dict[str, Any]]]
    Judged = dict[str, Judgement | None]

UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Site:
    """A site in memory: its records in order, by log, and the truth about it."""

    recipe: Recipe
    batches: dict[str, list[RecordBatch]]
    truth: Mapping[str, Any]

    @classmethod
    def built(cls, recipe: Recipe) -> Site:
        """Build and decode a recipe's logs."""
        with tempfile.TemporaryDirectory(prefix="nslabs-lab-") as name:
            build(recipe, Path(name))
            truth = read_truth(json.loads((Path(name) / TRUTH).read_text()))
            identities, batches = Identities(), dict[str, list[Any]]()
            for batch in ReplaySource([Path(name) / "logs"]):
                batches.setdefault(batch.kind, []).append(in_one_piece(identities.of(batch)))
        return cls(recipe, {kind: found for kind, found in batches.items() if kind in BUILT_IN}, truth)

    def alerts(self, kinds: Mapping[str, Kind]) -> Alerts:
        """Return by log what engines of these kinds raise."""
        engine, last = Engine(kinds=kinds), dict[str, dict[str, Any]]()
        for log in kinds:
            for batch in self.batches.get(log, ()):
                last.setdefault(log, {}).update((alert.id, asdict(alert)) for alert in engine.process(batch).alerts)
        return {log: list(last.get(log, {}).values()) for log in kinds}

    def judged(self, alerts: Alerts) -> Judgement:
        """Judge the alerts of all logs together."""
        return judge(self.recipe, self.truth, [alert for log in BUILT_IN for alert in alerts.get(log, ())])


def ablate(recipe: Recipe, chosen: Sequence[Variation]) -> Judged:
    """Return what became of a site unchanged, and by variations of logs that it has: None where nothing differs.

    Raises
    ------
    CaptureMissingError
        A capture that the recipe needs is not there.
    """
    site = Site.built(recipe)
    usual = site.alerts({log: KINDS[log] for log in BUILT_IN})
    out: dict[str, Judgement | None] = {UNCHANGED: site.judged(usual)}
    for variation in chosen:
        logs = [log for log in variation.logs if log in site.batches]
        if logs:
            with variation.apply() as kinds:
                judgement = site.judged(usual | site.alerts({log: kinds[log] for log in logs}))
            out[variation.name] = None if judgement == out[UNCHANGED] else judgement
    return out


def _ablate(number: int, what: Sequence[str], only: str) -> Judged | str:
    """Do so in a process of its own, which is told what to vary by words."""
    try:
        return ablate(RECIPES[number], chosen_variations(what, only))
    except CaptureMissingError as error:
        return str(error)


def chosen_variations(what: Sequence[str], only: str) -> list[Variation]:
    """Return the variations of some sorts whose name has a text in it."""
    return [one for one in variations() if one.what in what and only in one.name]


def effect(sites: Mapping[str, Judged], name: str) -> tuple[int, int, int]:
    """Return by how many attacks told, false alerts, and severe ones among these, a variation differs."""
    pairs = [(was, site.get(name) or was) for site in sites.values() if (was := site[UNCHANGED])]
    was, now = (Figures.of([pair[k] for pair in pairs]) for k in range(2))
    return now.told - was.told, now.false_alerts - was.false_alerts, now.false_severe - was.false_severe


def _worst_first(effect: tuple[int, int, int]) -> tuple[int, int]:
    told, false, _ = effect
    return told, -false


def main() -> int:
    """Run, and print a line for each variation; return the status."""
    arguments = _arguments()
    numbers = [
        k
        for k, recipe in enumerate(RECIPES)
        if (recipe.screening or arguments.all) and arguments.only in f"{recipe.group} {recipe.name}"
    ][:: arguments.every]
    chosen, began = chosen_variations(arguments.what, arguments.change), time.monotonic()
    sites: dict[str, Judged] = {}
    left: Counter[str] = Counter()
    with ProcessPoolExecutor(arguments.workers, mp_context=get_context("spawn")) as pool:
        jobs = {pool.submit(_ablate, k, arguments.what, arguments.change): k for k in numbers}
        for done, job in enumerate(as_completed(jobs), 1):
            found, name = job.result(), RECIPES[jobs[job]].name
            if isinstance(found, str):
                left[found] += 1
            else:
                sites[name] = found
            sys.stderr.write(f"\r{done}/{len(jobs)} {name:60.60}")
    sys.stderr.write("\n")
    _print(sites, chosen)
    for reason, count in left.items():
        sys.stdout.write(f"{count} sites left out: {reason}\n")
    sys.stdout.write(f"not varied (compiled, or read once): {', '.join(compiled_in())}\n")
    sys.stdout.write(f"{len(sites)} sites, {len(chosen)} variations in {time.monotonic() - began:.0f} s\n")
    return 0 if sites else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="lab.ablate", description=str(__doc__).splitlines()[0])
    parser.add_argument("--what", nargs="+", choices=WHAT, default=list(WHAT), help="which sorts of variations")
    parser.add_argument("--change", default="", metavar="TEXT", help="only variations whose name has this text in it")
    parser.add_argument("--only", default="", metavar="TEXT", help="only sites whose name or group has this text in it")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every n-th of these sites")
    parser.add_argument("--all", action="store_true", help="all sites, not only those of the screening")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes; 2 by default")
    return parser.parse_args()


def _print(sites: Mapping[str, Judged], chosen: Sequence[Variation]) -> None:
    sys.stdout.write(f"{'told':>5}{'false':>6}{'severe':>7}{'differ':>9}  variation (the site where it shows most)\n")
    for variation in chosen:
        told, false, severe = effect(sites, variation.name)
        ran = {name: site[variation.name] for name, site in sites.items() if variation.name in site}
        where = [name for name, judgement in ran.items() if judgement]
        where.sort(key=lambda name: _worst_first(effect({name: sites[name]}, variation.name)))
        line = f"{told:+5}{false:+6}{severe:+7}{f'{len(where)}/{len(ran)}':>9}  {variation.name}"
        sys.stdout.write(f"{line}{f' ({where[0]})' if where else ''}\n")


if __name__ == "__main__":
    sys.exit(main())
