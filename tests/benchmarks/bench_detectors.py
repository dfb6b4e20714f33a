"""How well others rank the records of attacks, on the same sites of the lab and by the same measures.

Every detector scores each record of conn.log before it learns it, and is told nothing of attacks. Beside ours:
River's HalfSpaceTrees as it is, and PySAD's xStream, LODA and RS-Hash (`pip install pysad`; left out where it is not),
each with its defaults over the numbers of a record, scaled by what came so far; and a rule of ten lines that counts how
often a device used a service at a peer before. Average precision and area under the ROC curve over the records after
the first twelve hours. The sites need no captures.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
from river import anomaly, preprocessing

PROJECT: Final = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]  # run as a file, from anywhere

from lab.groups import RECIPES
from lab.site import TRUTH, build, read_truth

from ingest.context.identity import Identities
from ingest.follow.replay import ReplaySource
from ingest.records import RecordBatch
from online_models.config import ModelConfig
from online_models.engine import Engine
from online_models.kinds import KINDS
from online_models.metrics import average_precision, roc_auc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

SITES: Final = (
    "small-beacon-12-b",
    "small-guess-20-b",
    "small-sweep-30-b",
    "small-upload-10-b",
    "simulated-beacon-1-min-0.2",
    "simulated-guess-neighbour-0.2",
    "simulated-sweep-telnet-0.2",
    "answers-printer-scans",
)
WARM_UP_S: Final = 12 * 3600.0
"""Seconds of a site's first records that are learned and not judged: every detector begins with nothing."""
NUMBERS: Final = (
    "id.resp_p",
    "duration",
    "orig_bytes",
    "resp_bytes",
    "orig_pkts",
    "resp_pkts",
    "orig_ip_bytes",
    "resp_ip_bytes",
)
FAILED: Final = ("S0", "REJ", "RSTOS0", "RSTRH", "SH", "SHR")


def records(name: str, drawn: int = 0) -> tuple[pl.DataFrame, npt.NDArray[np.bool_]]:
    """Return a site's conn records in order, and which of them are an attack's; ``drawn`` anew so many times."""
    recipe = next(recipe for recipe in RECIPES if recipe.name == name).with_seed(drawn)
    with tempfile.TemporaryDirectory(prefix="nslabs-bench-") as folder:
        build(recipe, Path(folder))
        truth = read_truth(json.loads((Path(folder) / TRUTH).read_text()))
        identities = Identities()
        batches = [
            identities.of(batch).frame for batch in ReplaySource([Path(folder) / "logs"]) if batch.kind == "conn"
        ]
    frame = pl.concat(batches, how="diagonal")
    uids = frozenset().union(*(attack["uids"] for attack in truth["attacks"]))
    return frame, frame["uid"].is_in(sorted(uids)).to_numpy()


def scaled(frame: pl.DataFrame) -> Iterator[dict[str, float]]:
    """Yield the numbers of each record between the least and the most that came so far, the record itself included."""
    scaler = preprocessing.MinMaxScaler()
    tcp, failed = (frame["proto"] == "tcp").to_list(), frame["conn_state"].is_in(FAILED).to_list()
    columns = [frame[name].cast(float).fill_null(0.0).to_list() for name in NUMBERS]
    for row, is_tcp, has_failed in zip(zip(*columns, strict=True), tcp, failed, strict=True):
        x = {**dict(zip(NUMBERS, row, strict=True)), "tcp": float(is_tcp or 0), "failed": float(has_failed or 0)}
        scaler.learn_one(x)
        yield scaler.transform_one(x)


def ours(frame: pl.DataFrame, seed: int = ModelConfig.seed) -> Floats:
    """Score by the engine, with its model of conn alone."""
    return Engine(ModelConfig(seed=seed), {"conn": KINDS["conn"]}).process(RecordBatch("conn", frame)).score


def river_trees(frame: pl.DataFrame) -> Floats:
    """Score by River's trees, with their defaults."""
    model, scores = anomaly.HalfSpaceTrees(seed=1), []
    for x in scaled(frame):
        scores.append(model.score_one(x))
        model.learn_one(x)
    return np.array(scores)


def pysad(make: Callable[[int], Any]) -> Callable[[pl.DataFrame], Floats]:
    """Return how one of PySAD's models scores; its first record, with which it begins, has 0."""

    def scores_of(frame: pl.DataFrame) -> Floats:
        model, scores = make(len(NUMBERS) + 2), []
        for x in scaled(frame):
            numbers = np.fromiter(x.values(), np.float64)
            scores.append(float(model.score_partial(numbers)) if scores else 0.0)
            model.fit_partial(numbers)
        return np.nan_to_num(np.array(scores))

    return scores_of


def ten_lines(frame: pl.DataFrame) -> Floats:
    """Score by how often the device used the service at the peer before."""
    seen: Counter[tuple[Any, ...]] = Counter()
    scores = []
    for key in frame.select("id.orig_h", "id.resp_h", "proto", "id.resp_p").iter_rows():
        scores.append(1.0 / (1.0 + seen[key]))
        seen[key] += 1
    return np.array(scores)


def detectors() -> dict[str, Callable[[pl.DataFrame], Floats]]:
    """Return all that can be asked here, by name."""
    found = {"ours": ours, "ten lines": ten_lines, "River HST": river_trees}
    if importlib.util.find_spec("pysad") is None:
        sys.stdout.write("PySAD's are left out: it is not installed (pip install pysad)\n")
        return found
    from pysad.models import LODA, RSHash, xStream  # noqa: PLC0415 - not there everywhere

    return found | {
        "PySAD xStream": pysad(lambda _: xStream(random_state=1)),
        "PySAD LODA": pysad(lambda _: LODA(random_state=1)),
        "PySAD RS-Hash": pysad(lambda n: RSHash(np.zeros(n), np.ones(n), random_state=1)),
    }


def main(sites: list[str], without: list[str]) -> None:
    """Print average precision and ROC-AUC of each detector at each site, and their means."""
    asked = {name: scores_of for name, scores_of in detectors().items() if name not in without}
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
    for site in sites:
        frame, attacks = records(site)
        judged = frame["ts"].to_numpy() >= frame["ts"].min() + WARM_UP_S
        say(f"{site}: {len(frame):,} records, {int(attacks.sum())} of an attack")
        ours(frame[:100])  # what is compiled, once, is no part of the speed
        for name, scores_of in asked.items():
            began = time.process_time()
            scores = scores_of(frame)
            rate = len(frame) / (time.process_time() - began)
            told = average_precision(scores[judged], attacks[judged]), roc_auc(scores[judged], attacks[judged])
            precision, auc = (math.nan if one is None else one for one in told)
            figures[name].append((precision, auc))
            say(f"  {name:<14} AP {precision:.3f}  ROC-AUC {auc:.3f}  {rate:>9,.0f} records/s")
    for name, found in figures.items():
        precision, auc = np.mean(found, axis=0)
        say(f"mean of {len(found)}: {name:<14} AP {precision:.3f}  ROC-AUC {auc:.3f}")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("sites", nargs="*", default=list(SITES), help="names of recipes of the lab")
    parser.add_argument("--without", action="append", default=[], metavar="NAME", help="a detector to leave out")
    arguments = parser.parse_args()
    main(arguments.sites, arguments.without)
