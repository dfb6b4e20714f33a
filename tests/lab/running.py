"""Takes recipes through the product: builds each site in a temporary folder, replays it, and keeps alerts and truth.

What was once replayed is kept under ``.lab`` by recipe, by the code that builds sites and by the product's code, so
that only what changed is run again.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lab.captures import CaptureMissingError
from lab.detector import PROJECT, CommandLine
from lab.judge import Judgement, judge
from lab.site import build, read_truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lab.recipe import Recipe

CACHE: Final = PROJECT / ".lab"
_PRODUCT: Final = ("ingest", "online_models", "prevention", "api")
_JUDGING: Final = {
    "judge.py",
    "report.py",
    "running.py",
    "__main__.py",
    "baseline.py",
    "detector.py",
    "worker.py",
    "trees.py",
    "constants.py",
    "ablate.py",
    "variations.py",
}
"""Files of the lab that do not change what is in a site's logs."""
Outcome = dict[str, Judgement | str]
"""Name of a tree to what became of a site there; a text says why the site could not be built."""


@dataclass(frozen=True, slots=True)
class Tree:
    """One version of the product: a name for tables, its folder, and a digest of its code."""

    name: str
    folder: Path
    digest: str

    @classmethod
    def at(cls, name: str, folder: Path) -> Tree:
        """Return the tree in a folder."""
        files = [path for package in _PRODUCT for path in (folder / package).rglob("*.py")]
        return cls(name, folder, _digest(files, folder))


def _digest(files: Iterable[Path], root: Path) -> str:
    sums = hashlib.sha256()
    for path in sorted(files):
        sums.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return sums.hexdigest()[:16]


def site_digest() -> str:
    """Return a digest of the code that makes sites' logs, the simulator's with it."""
    lab = [
        path
        for path in (PROJECT / "tests" / "lab").glob("*.py")
        if path.name not in _JUDGING and not path.name.startswith("test_")
    ]
    return _digest([*lab, *(PROJECT / "ingest" / "simulator").glob("*.py")], PROJECT)


def run(
    recipes: Sequence[Recipe], trees: Sequence[Tree], workers: int, on_site: Callable[[int, int, str], None]
) -> dict[str, Outcome]:
    """Return what became of each recipe in each tree; `on_site` is told how many are done, of how many, and which."""
    code = site_digest()
    out: dict[str, Outcome] = {}
    cost = {recipe.name: _cost(recipe) for recipe in recipes}
    ordered = sorted(recipes, key=lambda recipe: cost[recipe.name])
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(tuple(trees), code)) as pool:
        jobs = {pool.submit(_run, recipe): recipe for recipe in ordered}
        for done, job in enumerate(as_completed(jobs), 1):
            recipe = jobs[job]
            out[recipe.name] = job.result()
            on_site(done, len(jobs), recipe.name)
    return out


def _cost(recipe: Recipe) -> float:
    """Return about how late a site comes: the screening's first, then what is short; sites of one simulated past together."""
    return (
        (0.0 if recipe.screening else 1e6)
        + recipe.simulated * (1e4 + recipe.hours + recipe.seed)
        + recipe.hours * (1 + len(recipe.devices))
    )


class _Worker:
    """What a process of the pool holds: its trees' command lines, started when they are first needed."""

    trees: tuple[Tree, ...] = ()
    code: str = ""
    stack = ExitStack()
    lines: Final[dict[str, CommandLine]] = {}


def _begin(trees: tuple[Tree, ...], code: str) -> None:
    os.environ["POLARS_MAX_THREADS"] = "1"
    _Worker.trees, _Worker.code = trees, code


def _run(recipe: Recipe) -> Outcome:
    missing = [tree for tree in _Worker.trees if not _kept(recipe, tree).is_file()]
    if missing:
        with tempfile.TemporaryDirectory(prefix="nslabs-lab-") as name:
            folder = Path(name)
            try:
                build(recipe, folder)
            except CaptureMissingError as error:
                return {tree.name: str(error) for tree in _Worker.trees}
            for tree in missing:
                alerts = _line(tree).alerts(folder / "logs", folder / f"alerts-{tree.digest}")
                _keep(_kept(recipe, tree), {"truth": json.loads((folder / "truth.json").read_text()), "alerts": alerts})
    return {tree.name: judged(recipe, _kept(recipe, tree)) for tree in _Worker.trees}


def judged(recipe: Recipe, kept: Path) -> Judgement:
    """Judge what was kept of a site."""
    data: dict[str, Any] = json.loads(kept.read_text())
    return judge(recipe, read_truth(data["truth"]), data["alerts"])


def kept(recipes: Sequence[Recipe], tree: Tree) -> dict[str, Outcome]:
    """Return what became of those recipes that were run before, and run none."""
    paths = {recipe: _path(recipe, tree, site_digest()) for recipe in recipes}
    return {recipe.name: {tree.name: judged(recipe, path)} for recipe, path in paths.items() if path.is_file()}


def _kept(recipe: Recipe, tree: Tree) -> Path:
    return _path(recipe, tree, _Worker.code)


def _path(recipe: Recipe, tree: Tree, code: str) -> Path:
    return CACHE / tree.digest / f"{recipe.name}-{recipe.digest()}-{code}.json"


def _keep(path: Path, data: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(f".{os.getpid()}")
    new.write_text(json.dumps(data))
    new.replace(path)


def _line(tree: Tree) -> CommandLine:
    if tree.name not in _Worker.lines:
        _Worker.lines[tree.name] = _Worker.stack.enter_context(CommandLine(tree.folder))
    return _Worker.lines[tree.name]
