"""`python -m lab.constants`: the tuned numbers and special rules of the models, read from the code, each with its reason.

A tuned number is a number under an upper-case name of a module; its reason is the text below it, or the comment beside
or above it. What only names places, bits or codes is none, nor what others give or what is worked out of other names
alone. A special rule is where a declaration steps in between what is measured and what is told. A reason may name a
site of the lab that is judged worse without it ("Lab: NAME"). A number or rule without a reason fails, and so does one
that names no site there is.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import re
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lab.groups import RECIPES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PROJECT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = "online_models"
RULES: Final = {
    "bound": "keeps a view's decades within bounds",
    "expect": "gives a view decades while the site is little known",
    "decide": "lets one record raise the alert",
    "take_all": "moves what a view added to the evidence",
    "keep_from_forests": "keeps a record from the forests",
    "is_nobody": "keeps the records of whom nobody can tell apart from the forests",
}
"""Methods of `online_models.kinds.kind.Formulas` by which a declaration steps in, and what each does."""
_CODES: Final = ("WIDTH", "_AT", "SECTIONS", "_NUMBER", "SALT")
"""Ends of names of places and widths."""
_UNITS: Final = {"MINUTE", "HOUR", "DAY", "KIB", "_KIB", "_DAY_S", "_WEEK_S", "_LN10", "_MUCH"}
_GIVEN: Final = {"PADDING", "SIZE_LIMIT", "_TCP", "_UDP", "_ICMP"}
"""What River and IANA say, and nothing else would be right."""
_ENDLESS: Final = 1e100
"""From here on a number stands for one that is never reached; and 0 stands for nothing."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A number under a name: where it stands, and why it is so."""

    module: str
    name: str
    line: int
    value: float
    reason: str

    @property
    def is_limit(self) -> bool:
        """Whether it bounds or counts things, as whole numbers do; others are weighed against what was measured."""
        return isinstance(self.value, int)


@dataclass(frozen=True, slots=True)
class Rule:
    """A place at which a kind's declaration steps in."""

    module: str
    name: str
    line: int
    what: str
    reason: str


def modules() -> list[Path]:
    """Return the models' modules, in the order of their names."""
    return sorted((PROJECT / PACKAGE).rglob("*.py"))


def is_declaration(path: Path) -> bool:
    """Whether a module declares kinds; rules stand nowhere else."""
    return "kinds" in path.parts and path.name != "kind.py"


def constants(path: Path) -> Iterator[Constant]:
    """Read a module's numbers."""
    text = path.read_text(encoding="utf-8")
    name = ".".join(path.relative_to(PROJECT).with_suffix("").parts)
    module = importlib.import_module(name.removesuffix(".__init__"))
    body = ast.parse(text).body
    for node, after in pairwise([*body, ast.Pass()]):
        for target in _targets(node):
            if _is_tuned(node, target, module, ast.get_source_segment(text, node) or ""):
                yield from _numbers(module, target, node.lineno, _reason(node, after, text.splitlines()))


def _targets(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    names = [name for target in targets for name in (target.elts if isinstance(target, ast.Tuple) else [target])]
    return [name.id for name in names if isinstance(name, ast.Name) and name.id.isupper()]


def _is_tuned(node: ast.stmt, name: str, module: Any, source: str) -> bool:
    """Whether a name stands for tuned numbers: not for a place, a bit, a code, a unit or a character."""
    together = [getattr(module, other) for other in _targets(node)]
    if name.endswith(_CODES) or name in _UNITS | _GIVEN or "0x" in source or not isinstance(node.value, _PLAIN):
        return False
    if not any(isinstance(part, ast.Constant) for part in ast.walk(node.value)):
        return False
    if len(together) > 1 and together in (list(range(len(together))), [1 << k for k in range(len(together))]):
        return False
    return not (len(together) > 2 and together[0] == 0 and together == sorted(together))


_PLAIN: Final = (ast.Constant, ast.Tuple, ast.BinOp, ast.UnaryOp)
"""What a number or some are written as; others, such as ``range``, number places."""


def _numbers(module: Any, name: str, line: int, reason: str) -> Iterator[Constant]:
    value = getattr(module, name)
    values = value if isinstance(value, tuple) else (value,)
    if all(type(one) in {int, float} for one in values) and not (len(values) > 1 and type(values[0]) is int):
        for one in values:
            if 0.0 < abs(one) < _ENDLESS:
                yield Constant(module.__name__, name, line, one, reason)


def _reason(node: ast.stmt, after: ast.stmt, lines: Sequence[str]) -> str:
    """Return the text below an assignment, or the comment beside or above it."""
    if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
        return " ".join(after.value.value.split())
    beside, above = lines[node.lineno - 1].partition("  # ")[2], lines[node.lineno - 2].strip()
    return beside or (above.removeprefix("# ") if above.startswith("# ") else "")


def rules(path: Path) -> Iterator[Rule]:
    """Read where a kind's declaration steps in; the reason is that of the function it stands in, or above it."""
    text = path.read_text(encoding="utf-8")
    module, lines = ".".join(path.relative_to(PROJECT).with_suffix("").parts), text.splitlines()
    for function, call in _calls(ast.parse(text)):
        if isinstance(call.func, ast.Attribute) and call.func.attr in RULES:
            above = lines[call.lineno - 2].strip()
            reason = above.removeprefix("# ") if above.startswith("# ") else ast.get_docstring(function) or ""
            what = f"{call.func.attr}({', '.join(map(ast.unparse, call.args[:1]))[:40]})"
            yield Rule(module, function.name, call.lineno, what, " ".join(reason.split()))


def _calls(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef, ast.Call]]:
    """Return every call with the innermost function that it stands in."""
    found: dict[ast.Call, ast.FunctionDef] = {}
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            found |= {call: function for call in ast.walk(function) if isinstance(call, ast.Call)}
    yield from ((function, call) for call, function in sorted(found.items(), key=lambda item: item[0].lineno))


_SITE: Final = re.compile(r"Lab: ([a-z0-9.-]+[a-z0-9])")
"""How a reason names a site of the lab."""


def unknown_sites(reason: str) -> set[str]:
    """Return the names of sites in a reason that the lab does not have."""
    return set(_SITE.findall(reason)) - {recipe.name for recipe in RECIPES}


def bare(path: Path) -> list[tuple[int, float]]:
    """Read the numbers that stand in a module's functions without a name or a comment beside them, or above.

    Each is its line and value; the plainest are left out.
    """
    text = path.read_text(encoding="utf-8")
    functions = [one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.FunctionDef)]
    lines = ["", *text.splitlines()]
    nodes = {node for one in functions for node in ast.walk(one) if isinstance(node, ast.Constant)}
    return sorted(
        (n.lineno, n.value)
        for n in nodes
        if type(n.value) is float and n.value not in _PLAINEST and not _is_explained(lines, n.lineno)
    )


def _is_explained(lines: Sequence[str], at: int) -> bool:
    return "  # " in lines[at] or lines[at - 1].strip().startswith("# ")


_PLAINEST: Final = (0.0, 0.5, 1.0, 2.0, 10.0)
"""Numbers that stand for themselves: nothing, a half, all, both, and ten of a decade."""


def declared(path: Path) -> int:
    """Count the numbers that a module's declarations give by name: weights, shares, sizes of forests, gravities."""
    outside = [
        node for node in ast.parse(path.read_text(encoding="utf-8")).body if not isinstance(node, ast.FunctionDef)
    ]
    calls = [call for node in outside for call in ast.walk(node) if isinstance(call, ast.Call)]
    given = [keyword.value for call in calls for keyword in call.keywords]
    return sum(isinstance(one, ast.Constant) and type(one.value) in {int, float} for one in given) + sum(
        isinstance(one, ast.Tuple)
        and all(isinstance(part, ast.Constant) and type(part.value) is int for part in one.elts)
        for one in given
    )


def main() -> int:
    """List all; return the status: 1 if anything has no reason."""
    parser = argparse.ArgumentParser(prog="lab.constants", description=__doc__.splitlines()[0])
    parser.add_argument("--counts", action="store_true", help="only how many there are")
    counts_only = parser.parse_args().counts
    numbers = [one for path in modules() for one in constants(path)]
    found = [one for path in modules() if is_declaration(path) for one in rules(path)]
    for one in () if counts_only else numbers:
        sys.stdout.write(f"{one.module}:{one.line} {one.name} = {one.value:g}: {one.reason or 'NO REASON'}\n")
    for rule in () if counts_only else found:
        sys.stdout.write(f"{rule.module}:{rule.line} {rule.what} in {rule.name}: {rule.reason or 'NO REASON'}\n")
    unnamed = [(path.relative_to(PROJECT), *one) for path in modules() for one in bare(path)]
    for place, line, value in () if counts_only else unnamed:
        sys.stdout.write(f"{place}:{line} {value:g}: without a name or a reason\n")
    tuned = [one for one in numbers if not one.is_limit]
    names = {(one.module, one.name) for one in tuned}
    lacking = [one for one in (*numbers, *found) if not one.reason or unknown_sites(one.reason)]
    on_sites = sum(bool(_SITE.search(one.reason)) for one in (*numbers, *found))
    sys.stdout.write(
        f"{len(tuned)} tuned numbers under {len(names)} names, {len(numbers) - len(tuned)} limits and sizes, "
        f"{len(found)} special rules; {len(lacking)} of these without a reason; "
        f"{on_sites} with a site of the lab; "
        f"{len(unnamed)} numbers without a name or a reason, {sum(map(declared, modules()))} in declarations\n"
    )
    return int(bool(lacking))


if __name__ == "__main__":
    sys.exit(main())
