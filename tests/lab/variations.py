"""What of the declared kinds can be changed while the product runs, one thing at a time, and without compiling.

A declaration's numbers and rules become a program of arrays when an engine is made, so a change of the module's number,
or a method of `Formulas` that leaves one call out, is in force for the engines that are made meanwhile. What compiled
code holds (`online_models/measures`, `guard`, `budget`, `calibration`, `views`) cannot be varied so, and is left out; so
are behaviours, of which every anomaly has one.
"""

from __future__ import annotations

import ast
import importlib
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lab.constants import PROJECT, constants, is_declaration, modules, rules
from online_models import views
from online_models.kinds import BUILT_IN, KINDS
from online_models.kinds.kind import Formulas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from online_models.kinds.kind import Kind

WHAT: Final = ("rules", "constants", "policy", "weights", "features")
_POLICY: Final = ("THRESHOLD", "ALERT_AT", "FADE", "QUIET")
_TIMES: Final = ((0.5, "halved"), (2.0, "doubled"))


@dataclass(frozen=True, slots=True)
class Variation:
    """One change: of which logs' models, and a context in which engines have it, given the kinds that they are of."""

    what: str
    name: str
    logs: tuple[str, ...]
    apply: Callable[[], AbstractContextManager[dict[str, Kind]]]


def variations() -> list[Variation]:
    """Return all changes."""
    return [*_rules(), *_constants(), *_policy(), *_weights(), *_features()]


def compiled_in() -> list[str]:
    """Return the names of the tuned numbers that are not varied: compiled code holds them, or declarations once read."""
    found = [one for path in modules() if not _is_varied(path) for one in constants(path) if not one.is_limit]
    names = {f"{one.module.removeprefix('online_models.')}.{one.name}" for one in found}
    return sorted(names - {"guard.DEFAULT_POLICY"})


def _is_varied(path: Path) -> bool:
    """Whether a module's numbers are looked up when an engine is made or alerts are: not compiled, nor a user's."""
    return bool({"kinds", "alerts"} & set(path.parts)) and "user" not in path.parts


def _logs_of(module: str) -> tuple[str, ...]:
    """Return whose models a module of declarations is about: all, if it is named after none."""
    name = module.rpartition(".")[2].partition("_")[0]
    return tuple(log for log in BUILT_IN if log.partition("_")[0] == name) or BUILT_IN


def _built_in() -> dict[str, Kind]:
    return {log: KINDS[log] for log in BUILT_IN}


def _rules() -> Iterator[Variation]:
    for path in modules():
        for rule in rules(path) if is_declaration(path) and "user" not in path.parts else ():
            name = f"{rule.module.rpartition('.')[2]}:{rule.line} {rule.what}"
            method, end = rule.what.partition("(")[0], _end_of(path, rule.line)
            yield Variation(
                "rules", f"{name} off", _logs_of(rule.module), _bind(_without, method, path, rule.line, end)
            )


def _end_of(path: Path, line: int) -> int:
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    return max(node.end_lineno or line for node in calls if node.lineno == line)


def _bind(context: Callable[..., Any], *arguments: Any) -> Callable[[], AbstractContextManager[dict[str, Kind]]]:
    return lambda: context(*arguments)


@contextmanager
def _without(method: str, path: Path, line: int, end: int) -> Iterator[dict[str, Kind]]:
    """Leave out the calls of a method of `Formulas` that stand in these lines."""
    original = getattr(Formulas, method)

    def left_out(self: Formulas, *arguments: Any) -> Any:
        caller = sys._getframe(1)  # noqa: SLF001 - which call it is, only its place tells
        if Path(caller.f_code.co_filename) == path and line <= caller.f_lineno <= end:
            return self.variable(0.0) if method == "take_all" else None
        return original(self, *arguments)

    with _changed(Formulas, method, left_out):
        yield _built_in()


@contextmanager
def _changed(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _constants() -> Iterator[Variation]:
    """Vary each number of the declarations, of what reads their records, and of alerts."""
    for path in filter(_is_varied, modules()):
        for one in constants(path):
            for times, said in () if one.is_limit else _TIMES:
                name = f"{one.module.rpartition('.')[2]}.{one.name} {said}"
                yield Variation(
                    "constants", name, _logs_of(one.module), _bind(_scaled, one.module, one.name, one.value * times)
                )


@contextmanager
def _scaled(module: str, name: str, value: float) -> Iterator[dict[str, Kind]]:
    with ExitStack() as stack:
        for owner in (module, *_importers(module, name)):
            stack.enter_context(_changed(importlib.import_module(owner), name, value))
        yield _built_in()


@cache
def _importers(module: str, name: str) -> tuple[str, ...]:
    """Return the modules of declarations that have a name from another."""
    found = []
    for path in filter(is_declaration, modules()):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == module]
        if any(alias.name == name for node in imports for alias in node.names):
            found.append(".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__"))
    return tuple(found)


def _policy() -> Iterator[Variation]:
    for place, name in enumerate(_POLICY):
        for times, said in _TIMES:
            value = tuple(one * times if k == place else one for k, one in enumerate(views.DEFAULT_POLICY))
            yield Variation("policy", f"guard.{name} {said}", BUILT_IN, _bind(_with_policy, value))


@contextmanager
def _with_policy(value: tuple[float, ...]) -> Iterator[dict[str, Kind]]:
    with _changed(views, "DEFAULT_POLICY", value):
        yield _built_in()


def _weights() -> Iterator[Variation]:
    for log in BUILT_IN:
        for view in KINDS[log].views:
            for times, said in ((0.0, "off"), *_TIMES):
                yield Variation(
                    "weights",
                    f"{log} view {view.name} {said}",
                    (log,),
                    _bind(_with_weight, log, view.name, view.weight * times),
                )


@contextmanager
def _with_weight(log: str, name: str, weight: float) -> Iterator[dict[str, Kind]]:
    kind = KINDS[log]
    changed = tuple(replace(view, weight=weight) if view.name == name else view for view in kind.views)
    yield _built_in() | {log: replace(kind, views=changed)}


def _features() -> Iterator[Variation]:
    for log in BUILT_IN:
        for feature in KINDS[log].clauses:
            yield Variation("features", f"{log} {feature} off", (log,), _bind(_without_feature, feature))


@contextmanager
def _without_feature(feature: str) -> Iterator[dict[str, Kind]]:
    original = Formulas.measure

    def measure(self: Formulas, name: str, value: Any) -> Any:
        return original(self, name, 0.0 if name == feature else value)

    with _changed(Formulas, "measure", measure):
        yield _built_in()
