"""The tables of a declaration, each read and checked: conditions, keys, views and behaviours."""

from __future__ import annotations

import re
from string import Formatter
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from online_models.guard import BEHAVIOURS
from online_models.kinds.user.declaration import (
    DEVICE,
    DISTANCE,
    EXCESS,
    FAILURES,
    MEASURES,
    OWNERS,
    PAIR,
    SERVER,
    SITE,
    DeclaredBehaviour,
    DeclaredKey,
    Measure,
    ViewOf,
)
from online_models.program.registers import MOST_VIEWS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from online_models.kinds.user.declaration import Condition
    from online_models.kinds.user.lines import LineNumbers

MOST_KEYS: Final = 8
"""Keys that a declaration may have: every record touches an entry of each."""
MOST_MEASURES: Final = 24
"""Measures that a declaration may have: as many as a person keeps apart."""
MOST_COUNTED: Final = 2
"""Keys whose things can be counted in minute and hour."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,30}")
_BEHAVIOUR: Final = re.compile(r"[a-z][a-z0-9-]{0,38}")
_TECHNIQUE: Final = re.compile(r"T\d{4}(\.\d{3})?")
_CLAUSE: Final = ("o", "u", "op", "up")
_SENTENCE: Final = ("device", "peer", "target", "observed", "usual", "span", "what")
_OF_KEY: Final = ("of", "columns", "only")
_OF_MEASURE: Final = ("key", "says", "decides")
_OF_BEHAVIOUR: Final = ("technique", "gravity", "sentence", "tells")
_MOST_TOLD: Final = 50
"""Problems of one file that are told: the rest follows from these."""


class Checked:
    """Where a file's values stand, and what was wrong with them so far."""

    def __init__(self, name: str, lines: LineNumbers) -> None:
        self._name, self._lines = name, lines
        self._problems: dict[tuple[int, str], None] = {}
        self.schema = pl.Schema()

    def wrong(self, path: Sequence[str], message: str) -> None:
        """Note that what stands at a path is wrong."""
        self._problems.setdefault((self._lines.of(path), message))

    def told(self) -> list[str]:
        """Return all that was wrong, in the order of the file."""
        found = [f"{self._name}:{line}: {message}" for line, message in sorted(self._problems)]
        more = [f"{self._name}: {len(found) - _MOST_TOLD} more"] if len(found) > _MOST_TOLD else []
        return found[:_MOST_TOLD] + more

    def known_only(self, path: tuple[str, ...], table: Mapping[str, Any], known: Collection[str]) -> None:
        """Check that a table has no other names."""
        for name in table:
            if name not in known:
                self.wrong((*path, name), f"{'.'.join((*path, name))}: unknown; expected any of {', '.join(known)}")

    def table(self, path: tuple[str, ...], within: Mapping[str, Any], name: str) -> dict[str, Any]:
        """Return a table, empty where there is none."""
        found = within.get(name, {})
        if isinstance(found, dict):
            return found
        self.wrong((*path, name), f"{'.'.join((*path, name))}: expected a table, found {found!r:.60}")
        return {}

    def number(
        self, path: tuple[str, ...], within: Mapping[str, Any], name: str, usual: float, least: float, most: float
    ) -> float:
        """Return a number above the least, up to the most."""
        found = within.get(name, usual)
        if isinstance(found, bool) or not isinstance(found, int | float) or not least < found <= most:
            self.wrong((*path, name), f"{'.'.join((*path, name))}: expected a number above {least:g}, up to {most:g}")
            return usual
        return float(found)

    def flag(self, path: tuple[str, ...], within: Mapping[str, Any], name: str) -> bool:
        """Return true or false, false where nothing is said."""
        found = within.get(name, False)
        if not isinstance(found, bool):
            self.wrong((*path, name), f"{'.'.join((*path, name))}: expected true or false, found {found!r:.60}")
        return found is True

    def template(
        self, path: tuple[str, ...], within: Mapping[str, Any], name: str, usual: str, fields: Collection[str]
    ) -> str:
        """Return a text with some fields in braces."""
        found = within.get(name, usual)
        where = ".".join((*path, name))
        if not isinstance(found, str):
            self.wrong((*path, name), f"{where}: expected a text, found {found!r:.60}")
            return usual
        try:
            parts = [part for part in Formatter().parse(found) if part[1] is not None]
        except ValueError as error:
            self.wrong((*path, name), f"{where}: {error}; a brace of the text itself is written twice")
            return usual
        for _, field, form, conversion in parts:
            if field not in fields or form or conversion:
                self.wrong((*path, name), f"{where}: no field {{{field}}}; there are {', '.join(fields)}")
                return usual
        return found


def read_condition(c: Checked, path: tuple[str, ...], found: Any) -> Condition:
    """Return which records are meant: column to pattern, number, range, or whether it is true or set."""
    if not isinstance(found, dict):
        c.wrong(path, f"{'.'.join(path)}: expected columns with what they hold, found {found!r:.60}")
        return {}
    for column, wanted in found.items():
        if not _column_known(c, path, column):
            continue
        problem = _unfit(c.schema[column], wanted)
        if problem:
            c.wrong((*path, column), f"{'.'.join(path)}: {column}: {problem}")
    return {column: wanted for column, wanted in found.items() if column in c.schema}


def _column_known(c: Checked, path: tuple[str, ...], column: Any) -> bool:
    if isinstance(column, str) and column in c.schema:
        return True
    c.wrong((*path, str(column)), f"{'.'.join(path)}: no column {column!r}; declare it in [columns]")
    return False


def _unfit(dtype: pl.DataType, wanted: Any) -> str:
    """Return why a column cannot hold such a thing, nothing if it can."""
    if isinstance(wanted, bool):
        return ""
    is_text = dtype in {pl.String(), pl.List(pl.String())}
    if isinstance(wanted, str):
        return _bad_pattern(wanted) if is_text else f"a column of numbers or truth values holds no text {wanted!r:.40}"
    numbers = wanted if isinstance(wanted, list) else [wanted]
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in numbers):
        return f"expected a pattern, a number, [least, most], true or false, found {wanted!r:.40}"
    if is_text or dtype == pl.Boolean():
        return "a number is compared with a column of numbers only"
    return "" if not isinstance(wanted, list) or len(wanted) == 2 else "expected [least, most]"


def _bad_pattern(pattern: str) -> str:
    try:
        pl.Series(["x"]).str.contains(pattern)
    except pl.exceptions.ComputeError as error:
        return f"no pattern (of Rust's crate regex): {str(error).splitlines()[-1]:.120}"
    return ""


def read_keys(c: Checked, document: Mapping[str, Any]) -> dict[str, DeclaredKey]:
    """Return the keys, those that others belong to first."""
    told = c.table((), document, "keys")
    if not told:
        c.wrong(("keys",), "keys: expected one at least, such as: function = { of = 'pair', columns = ['func'] }")
    if len(told) > MOST_KEYS:
        c.wrong(("keys",), f"keys: {len(told):,}; at most {MOST_KEYS}, since every record is looked up by each")
        return {}
    owners = {name: key.get("of", DEVICE) if isinstance(key, dict) else DEVICE for name, key in told.items()}
    keys: dict[str, DeclaredKey] = {}
    for name in sorted(told, key=lambda name: _depth(c, owners, name)):
        key = _key(c, name, told[name], keys, owners)
        if key is not None:
            keys[name] = key
    return keys


def _depth(c: Checked, owners: Mapping[str, Any], name: str) -> int:
    """Return how many keys stand between a key and a device or the site."""
    met = [name]
    while isinstance(owners.get(met[-1]), str) and owners[met[-1]] in owners:
        owner = owners[met[-1]]
        if owner in met:
            cycle = " -> ".join((*met[met.index(owner) :], owner))
            c.wrong(("keys", name), f"keys.{name}: of itself ({cycle}); one must be of a device, a pair or the site")
            break
        met.append(owner)
    return len(met)


def _key(
    c: Checked, name: str, told: Any, keys: Mapping[str, DeclaredKey], owners: Mapping[str, Any]
) -> DeclaredKey | None:
    path = ("keys", name)
    if not isinstance(told, dict):
        c.wrong(path, f"keys.{name}: expected a table with {', '.join(_OF_KEY)}, found {told!r:.60}")
        return None
    if not _NAME.fullmatch(name) or name in OWNERS or name in {"records", "failures"}:
        c.wrong(path, f"keys.{name}: a name is of a-z, 0-9 and _, and none of {', '.join(OWNERS)}, records, failures")
    c.known_only(path, told, _OF_KEY)
    of, columns = told.get("of", DEVICE), told.get("columns", [])
    if not isinstance(of, str) or (of not in OWNERS and of not in owners):
        c.wrong((*path, "of"), f"keys.{name}: of {of!r}; expected {', '.join(OWNERS)} or another key")
        of = DEVICE
    if not isinstance(columns, list):
        c.wrong((*path, "columns"), f"keys.{name}: columns: expected a list of names, found {columns!r:.60}")
        columns = []
    known = tuple(column for column in columns if _column_known(c, (*path, "columns"), column))
    only = read_condition(c, (*path, "only"), told.get("only", {}))
    if not columns and not told.get("only"):
        c.wrong(path, f"keys.{name}: expected columns that tell its things apart, or only, or both")
    is_of_site = of in {SITE, SERVER} or (of in keys and keys[of].is_of_site)
    return DeclaredKey(name, of, known, only, is_of_site)


def read_views(
    c: Checked, document: Mapping[str, Any], keys: Mapping[str, DeclaredKey], failed: Mapping[str, Any]
) -> tuple[ViewOf, ...]:
    """Return the views with their measures."""
    told = c.table((), document, "views")
    if not told or len(told) > MOST_VIEWS:
        c.wrong(("views",), f"views: {len(told):,}; expected 1 to {MOST_VIEWS} tables such as [views.novelty]")
        return ()
    if sum(len(view) for view in told.values() if isinstance(view, dict)) > MOST_MEASURES:
        c.wrong(("views",), f"views: at most {MOST_MEASURES} measures")
        return ()
    views = []
    for name in told:
        path = ("views", name)
        if not _NAME.fullmatch(name):
            c.wrong(path, f"views.{name}: a name is of a-z, 0-9 and _")
        view = dict(c.table(("views",), told, name))
        weight = c.number(path, view, "weight", 1.0, 0.0, 2.0)
        view.pop("weight", None)
        found = [_measure(c, (*path, one), what, keys) for one, what in view.items()]
        measures = tuple(one for one in found if one is not None)
        if not view:
            c.wrong(path, f"views.{name}: expected a measure at least, such as: function = {{ newness = 'function' }}")
        _check_features(c, path, measures)
        views.append(ViewOf(name, weight, measures))
    _check_counted(c, views, keys, failed)
    return tuple(views)


def _check_features(c: Checked, path: tuple[str, ...], measures: Sequence[Measure]) -> None:
    features = [feature for measure in measures for feature in measure.features]
    for feature in sorted({name for name in features if features.count(name) > 1}):
        c.wrong((*path, feature), f"{'.'.join(path)}: two measures become the feature {feature!r}")


def _check_counted(
    c: Checked, views: Sequence[ViewOf], keys: Mapping[str, DeclaredKey], failed: Mapping[str, Any]
) -> None:
    counted = set[str]()
    for view in views:
        for one in view.measures:
            path = ("views", view.name, one.name)
            if one.asks == EXCESS and one.key:
                counted.add(one.key)
                if one.key in keys and keys[one.key].is_of_site:
                    c.wrong(
                        path,
                        f"{'.'.join(path)}: {one.key} is of the site; only things of devices are counted",
                    )
            if one.asks in {EXCESS, FAILURES} and one.about == "failures" and not failed:
                c.wrong(path, f"{'.'.join(path)}: no record counts as failed; say which in [failed]")
            if len(counted) > MOST_COUNTED:
                c.wrong(path, f"{'.'.join(path)}: things of {MOST_COUNTED} keys at most are counted")


def _measure(c: Checked, path: tuple[str, ...], told: Any, keys: Mapping[str, DeclaredKey]) -> Measure | None:
    where = ".".join(path)
    asked = [name for name in told if name in MEASURES] if isinstance(told, dict) else []
    unknown = [name for name in told if name not in {*MEASURES, *_OF_MEASURE}] if isinstance(told, dict) else []
    if len(asked) != 1 or unknown:
        found = f"unknown {unknown[0]!r}; " if unknown else ""
        c.wrong(path, f"{where}: {found}expected one measure of {', '.join(MEASURES)}; and {', '.join(_OF_MEASURE)}")
        return None
    if not _NAME.fullmatch(path[-1]):
        c.wrong(path, f"{where}: a name is of a-z, 0-9 and _")
    asks = asked[0]
    about, key, beyond = told[asks], "", 0.0
    if asks == FAILURES:
        about, beyond = "failures", c.number(path, told, FAILURES, 1.0, 0.0, 1e6)  # more are never beyond
    elif asks == DISTANCE:
        key = _known_key(c, path, told.get("key", PAIR), keys)
        if not _column_known(c, path, about) or not c.schema[about].is_numeric():
            c.wrong(path, f"{where}: distance {about!r}: expected a column of numbers")
            about = ""
    elif asks != EXCESS or about not in ("records", "failures"):
        key = _known_key(c, path, about, keys)
        about = key
    if "key" in told and asks != DISTANCE:
        c.wrong(path, f"{where}: key goes with distance only; {asks} names its key itself")
    fields = () if asks == EXCESS else _CLAUSE
    says = c.template(path, told, "says", "", fields)
    return Measure(path[-1], asks, about, key, beyond, says, c.flag(path, told, "decides"))


def _known_key(c: Checked, path: tuple[str, ...], name: Any, keys: Mapping[str, DeclaredKey]) -> str:
    if isinstance(name, str) and (name in keys or name == PAIR):
        return name
    c.wrong(path, f"{'.'.join(path)}: no key {name!r}; there are {', '.join((PAIR, *keys))}")
    return PAIR


def read_behaviours(
    c: Checked, document: Mapping[str, Any], views: Sequence[ViewOf], known: Collection[str]
) -> tuple[DeclaredBehaviour, ...]:
    """Return the behaviours; every measure is told by one of them."""
    told = c.table((), document, "behaviours")
    if not told or len(told) > BEHAVIOURS:
        c.wrong(("behaviours",), f"behaviours: {len(told):,}; expected 1 to {BEHAVIOURS}, each in [behaviours.NAME]")
        return ()
    measures = {f"{view.name}.{one.name}": view.name for view in views for one in view.measures}
    tellers: dict[str, str] = {}
    found = [_behaviour(c, name, told, measures, tellers, known) for name in told]
    for measure in measures:
        if measure not in tellers:
            c.wrong(("views", *measure.split(".")), f"views.{measure}: no behaviour tells of it")
    return tuple(found)


def _behaviour(
    c: Checked,
    name: str,
    within: Mapping[str, Any],
    measures: Mapping[str, str],
    tellers: dict[str, str],
    known: Collection[str],
) -> DeclaredBehaviour:
    path, told = ("behaviours", name), c.table(("behaviours",), within, name)
    c.known_only(path, told, _OF_BEHAVIOUR)
    if not _BEHAVIOUR.fullmatch(name) or name in known:
        c.wrong(path, f"behaviours.{name}: a name is of a-z, 0-9 and -, and that of no other kind's behaviour")
    technique, gravity, tells = told.get("technique"), told.get("gravity", 1), told.get("tells")
    if technique is not None and not (isinstance(technique, str) and _TECHNIQUE.fullmatch(technique)):
        c.wrong((*path, "technique"), f"behaviours.{name}: technique: expected one of MITRE ATT&CK such as 'T0855'")
    if isinstance(gravity, bool) or gravity not in (0, 1, 2):
        c.wrong((*path, "gravity"), f"behaviours.{name}: gravity: expected 0, 1 or 2, found {gravity!r:.40}")
    if "sentence" not in told:
        c.wrong(path, f"behaviours.{name}: expected a sentence such as '{{device}} wrote to {{peer}}: {{target}}'")
    names = [tells] if isinstance(tells, str) else tells
    if not isinstance(names, list) or not names:
        c.wrong(path, f"behaviours.{name}: tells: expected views or measures, such as 'reach' or 'novelty.function'")
        names = []
    told_of = tuple(measure for one in names for measure in _told_of(c, (*path, "tells"), one, measures))
    for measure in told_of:
        if tellers.setdefault(measure, name) != name:
            c.wrong((*path, "tells"), f"behaviours.{name}: {measure} is told by {tellers[measure]} already")
    sentence = c.template(path, told, "sentence", "", _SENTENCE)
    is_grave = isinstance(gravity, int) and gravity in (0, 1, 2)
    return DeclaredBehaviour(name, technique, gravity if is_grave else 1, sentence, told_of)


def _told_of(c: Checked, path: tuple[str, ...], name: Any, measures: Mapping[str, str]) -> list[str]:
    found = [measure for measure, view in measures.items() if name in {measure, view}]
    if not found:
        c.wrong(path, f"{'.'.join(path)}: no view or measure {name!r}; there are {', '.join(measures)}")
    return found
