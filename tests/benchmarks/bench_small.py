"""How attacks of few records rank among all others, beside a rule of ten lines, at three seeds.

The rule is that of `bench_detectors`: how often did this device use this service at this peer before? Whatever is new
ranks first there, so nothing that learns should do worse. Average precision over the conn records after the first
twelve hours, on the lab's sites with attacks of ten to thirty records and on Torii's; each site is drawn anew and each
model grown anew for every seed. Sites whose attack is in the names of lookups are none of these: conn.log does not show
it. Sites that need captures are left out where there are none.
"""

from __future__ import annotations

import argparse
from typing import Final

import numpy as np
from bench_detectors import RECIPES, WARM_UP_S, ours, records, say, ten_lines  # first: it finds the project
from lab.captures import CaptureMissingError

from online_models.metrics import average_precision

SITES: Final = tuple(
    recipe.name
    for recipe in RECIPES
    if (recipe.group == "10-30 records" and {act.kind for act in recipe.acts} != {"names"})
    or recipe.name == "six-torii"
    or recipe.name.startswith("further-few-")
)


def precisions(site: str, seed: int) -> tuple[float, float, int]:
    """Return the average precision of our ranking and of the rule's, and how many records the attack has.

    Raises
    ------
    CaptureMissingError
        The site needs captures, and there are none.
    """
    frame, attacks = records(site, seed)
    judged = frame["ts"].to_numpy() >= frame["ts"].min() + WARM_UP_S
    both = (average_precision(scores[judged], attacks[judged]) for scores in (ours(frame, 1 + seed), ten_lines(frame)))
    our, rule = (0.0 if one is None else one for one in both)
    return our, rule, int(attacks.sum())


def main(sites: list[str], seeds: int) -> None:
    """Print each site's figures, then median, minimum, and how often the rule was better."""
    found = []
    for site in sites:
        try:
            figures = [precisions(site, seed) for seed in range(seeds)]
        except CaptureMissingError as missing:
            say(f"{site}: left out: {missing}")
            continue
        found += figures
        told = "  ".join(f"{our:.3f} ({rule:.3f})" for our, rule, _ in figures)
        say(f"{site:<30} {figures[0][2]:>3} records  AP {told}")
    our, rule = (np.array([one[place] for one in found]) for place in (0, 1))
    middle, least = (f"{of(our):.3f} ({of(rule):.3f})" for of in (np.median, np.min))
    say(f"AP (the rule's): median {middle}, least {least}")
    say(f"worse than the rule: {int((our < rule).sum())} of {len(found)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("sites", nargs="*", default=list(SITES), help="names of recipes of the lab")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="how often each is drawn; 3 by default")
    arguments = parser.parse_args()
    main(arguments.sites, arguments.seeds)
