"""Makes the `Kind` of a declaration: tables, keys, views, behaviours and their sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from online_models.behaviours import Behaviour, Likeness, plain
from online_models.kinds.kind import Entries, Kind, View, recent_things
from online_models.kinds.user.columns import columns_of, context_of, numbers_of
from online_models.kinds.user.declaration import (
    DISTANCE,
    EXCESS,
    FAILURES,
    GAP,
    NEWNESS,
    PAIR,
    REGULARITY,
    SERVER,
    SITE,
    SURPRISE,
)
from online_models.kinds.user.formulas import ProgramWriter, moments_of
from online_models.measures.time import SPANS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from online_models.behaviours import Sighting
    from online_models.kinds.user.declaration import Declaration, DeclaredBehaviour, Measure, ViewOf

_AT_ONCE: Final = 3
"""Keys that share a table: one record adds no more to any (`features.table.MOST_AT_ONCE`)."""
_FOREST: Final = (25, 6)
_FEW: Final = {"minute": 7.0, "hour": 15.0}
"""Records that are never many."""


def kind_of(declared: Declaration) -> Kind:
    """Return the kind that a declaration stands for; it compiles nothing."""
    own = (PAIR, *(key.name for key in declared.keys if not key.is_of_site))
    of_site = (*_site_owners(declared), *(key.name for key in declared.keys if key.is_of_site))
    counted = _counted(declared)
    recent = tuple((f"recent_{key}", key) for key in dict.fromkeys(counted))
    owned, at_site = _by_tables("own", own), _by_tables("site", of_site)
    keys = owned | at_site
    things = (counted[0], PAIR, _third(counted[0], own))
    return Kind(
        name=declared.log,
        device_columns=(*(f"new_{key}" for key in own), "faded_at"),
        tables={
            **{table: Entries(_columns(declared, own, ()), adds=_AT_ONCE) for table in owned.values()},
            **{
                table: Entries(_columns(declared, of_site, at_site), of_pairs=0.5, adds=_AT_ONCE)
                for table in at_site.values()
            },
            "recent": recent_things(),
        },
        keys={**keys, **{name: "recent" for name, _ in recent}},
        numbers=numbers_of(declared),
        columns=columns_of(declared, tuple(keys), recent),
        context=context_of(declared),
        views=tuple(_view(declared, view) for view in declared.views),
        formulas=ProgramWriter(declared, counted, tuple(keys)),
        things=things,
        recent_thing=f"recent_{counted[0]}",
        behaviours=tuple(_behaviour(declared, told, things) for told in declared.behaviours),
        share=declared.share,
        declaration=declared.digest,
    )


def _site_owners(declared: Declaration) -> tuple[str, ...]:
    return (SITE, SERVER) if any(key.of == SERVER for key in declared.keys) else (SITE,)


def _counted(declared: Declaration) -> tuple[str, str]:
    """Return the keys whose things are counted a minute and an hour; alerts are alike by the first."""
    own = [key.name for key in declared.keys if not key.is_of_site]
    asked = [one.about for one in declared.measures.values() if one.asks == EXCESS and one.key]
    first, second, *_ = (*dict.fromkeys((*asked, *own[:1], PAIR)), PAIR)
    return (second, first) if second in own[:1] else (first, second)


def _third(first: str, own: Sequence[str]) -> str:
    return next((key for key in own if key not in {first, PAIR}), PAIR)


def _by_tables(name: str, keys: Sequence[str]) -> dict[str, str]:
    return {key: f"{name}_{number // _AT_ONCE + 1}" for number, key in enumerate(keys)}


def _columns(declared: Declaration, keys: Sequence[str], counts_new: Sequence[str] | dict[str, str]) -> tuple[str, ...]:
    """Return the columns of a table that holds entries of these keys."""
    kept = [
        moments_of(one)
        for one in declared.measures.values()
        if one.asks in {DISTANCE, GAP, REGULARITY} and one.key in keys
    ]
    moments = [f"{column}{part}" for column in dict.fromkeys(kept) for part in ("", "_variance", "_count")]
    return ("first", "count", *moments, *(f"new_{key}" for key in counts_new if key not in {SITE, SERVER}))


def _view(declared: Declaration, view: ViewOf) -> View:
    """Return a view; it compares with the device's past unless all in it is of the site, or counted."""
    of_site = {key.name for key in declared.keys if key.is_of_site}
    compares = any(one.key and one.key not in of_site and one.asks != EXCESS for one in view.measures)
    features = {name: clause for one in view.measures for name, clause in _clauses(one, one.key in of_site)}
    return View(view.name, features, view.weight, float(compares), *_FOREST)


def _clauses(measure: Measure, of_site: bool) -> Iterator[tuple[str, str]]:
    if measure.asks == EXCESS:
        what = measure.says or measure.about.replace("_", " ")
        for span, name in zip(SPANS, measure.features, strict=True):
            yield name, f"{{o}} {what} in the last {span}; up to {{u}} are usual in one{{since}}"
        return
    word, whom = measure.about.replace("_", " "), "the site" if of_site else "it"
    usual = {
        NEWNESS: f"a {word} that is new to {whom}; {{u}} new ones come a day",
        SURPRISE: f"a {word} that {{up}} of the records have",
        DISTANCE: f"{word} of {{o}}; {{u}} is usual",
        FAILURES: "{o} failures in the last hour; up to {u} are usual in one{since}",
        GAP: "came {o} s after the one before; {u} are usual",
        REGULARITY: "came at regular times: gaps differ by a factor of 2 to the power of {o}",
    }
    yield measure.name, measure.says or usual[measure.asks]


def _behaviour(declared: Declaration, told: DeclaredBehaviour, things: tuple[str, str, str]) -> Behaviour:
    measures = [declared.measures[name] for name in told.tells]
    key = measures[0].key
    is_new = any(one.asks == NEWNESS for one in measures)
    likeness = Likeness((things.index(key) if key in things else 1,), by_name=is_new)
    return Behaviour(
        told.name, told.technique, told.gravity, _sentence(declared, told), likeness, drifts=is_new and told.gravity < 2
    )


def _sentence(declared: Declaration, told: DeclaredBehaviour) -> Callable[[Sighting], str]:
    spans = [
        (f"{name.partition('.')[0]}.{feature}", one, span)
        for name in told.tells
        for one in [declared.measures[name]]
        for feature, span in zip(one.features, SPANS if one.asks == EXCESS else ("hour",), strict=True)
    ]

    def sentence(s: Sighting) -> str:
        def beyond(entry: tuple[str, Measure, str]) -> float:
            observed, usual = s.facts[entry[0]]
            return (observed + 1.0) / (max(usual, _FEW[entry[2]]) + 1.0)

        feature, measure, span = max(spans, key=beyond)
        observed, usual = s.facts[feature]
        return told.sentence.format(
            device=s.device,
            peer=s.peer,
            target=s.target,
            observed=plain(observed),
            usual=plain(usual),
            span=f"a{'n' if span == 'hour' else ''} {span}",
            what=measure.says if measure.asks == EXCESS and measure.says else measure.about.replace("_", " "),
        )

    return sentence
