"""The program of a declared kind: its measures, what decides, what is learned, and what is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from online_models.kinds.kind import LEAST, MATTERS, RARITY_COUNTS
from online_models.kinds.user.declaration import (
    DEVICE,
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
from online_models.measures import excess
from online_models.measures.past import FAR
from online_models.measures.time import SETTLING, SPANS
from online_models.program.formulas import LEAST_GAPS, exp2, least, log2, most, root, where
from online_models.program.registers import BOUND, COUNT, DOUBT, LEARN, MEASURE, NAME, TELL, TOLD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from online_models.kinds.kind import Formulas
    from online_models.kinds.user.declaration import Declaration, Measure
    from online_models.program.formulas import Value


def moments_of(measure: Measure) -> str:
    """Return the column that keeps the mean which a measure compares with; the variance and the count follow it."""
    return f"{measure.asks}_{measure.about}" if measure.asks == DISTANCE else "gap"


class ProgramWriter:
    """Writes the formulas of one declaration down, section by section."""

    def __init__(self, declared: Declaration, counted: tuple[str, str], order: tuple[str, ...]) -> None:
        self._declared, self._order = declared, order
        self._counters = {
            "records": excess.RECORDS,
            "failures": excess.FAILURES,
            counted[1]: excess.OTHER_THINGS,
            counted[0]: excess.THINGS,
        }
        self._counted = tuple(dict.fromkeys(counted))

    def __call__(self, f: Formulas) -> None:
        """Write the sections."""
        with f.section(COUNT):
            for key, counter in zip(self._counted, (excess.THINGS, excess.OTHER_THINGS), strict=False):
                f.count_thing(f"recent_{key}", counter)
            f.count_record(f.number("failed"))
        with f.section(MEASURE):
            for feature, measure, span in self._features():
                f.measure(feature, self._measure(f, measure, span))
            self._expect(f)
        decisive = self._bound(f)
        with f.section(NAME):
            self._name(f, decisive)
        with f.section(LEARN):
            self._learn(f)
        with f.section(DOUBT):
            self._count_new(f)
            for key in self._order:
                if key not in {SITE, SERVER}:
                    f.put_on_probation(key)
        with f.section(TOLD):
            self._count_new(f)
        with f.section(TELL):
            for feature, measure, span in self._features():
                f.tell(feature, *self._tell(f, measure, span))

    def _features(self) -> Iterator[tuple[str, Measure, int]]:
        for view in self._declared.views:
            for measure in view.measures:
                for span, feature in enumerate(measure.features):
                    yield f"{view.name}.{feature}", measure, span

    # measures

    def _has(self, f: Formulas, key: str) -> Value | float:
        return f.number(f"has_{key}") if key in self._declared.by_key else 1.0

    def _is_of_site(self, key: str) -> bool:
        return key in self._declared.by_key and self._declared.by_key[key].is_of_site

    def _measure(self, f: Formulas, measure: Measure, span: int) -> Value:
        key, has = measure.key, self._has(f, measure.key)
        if measure.asks == EXCESS:
            return f.excess(span, self._counters[measure.about])
        if measure.asks == FAILURES:
            beyond = f.observed(1, excess.FAILURES) - f.usual(1, excess.FAILURES)
            return least(1.0, most(0.0, beyond) / measure.beyond) * f.number("failed")
        if measure.asks == NEWNESS:
            return f.newness(key) * ~f.is_known(key) * self._rarity(f, key) * has
        if measure.asks == SURPRISE:
            return f.surprise(f.get(key, "count"), self._total(f, key)) * has
        return self._against_moments(f, measure) * has

    def _against_moments(self, f: Formulas, measure: Measure) -> Value:
        """Return what compares with a mean that is kept: of a size, or of the gaps between records."""
        key, column = measure.key, moments_of(measure)
        count = f.get(key, f"{column}_count")
        if measure.asks == DISTANCE:
            distance = f.distance(key, column, f.number(f"log_{measure.about}"), count)
            return distance * f.number(f"has_size_{measure.about}")
        if measure.asks == GAP:
            gap = f.deviation(key, column, log2(1.0 + f.gap(key)), count)
            return least(1.0, most(0.0, 0.0 - gap) / FAR)
        return f.regularity(key, column, f.newness(key)) * (count >= LEAST_GAPS)

    def _rarity(self, f: Formulas, key: str) -> Value:
        """How rarely new ones come after the first twelve hours, in which all is new."""
        owner, faded_at = (SITE, "last") if self._is_of_site(key) else (DEVICE, "faded_at")
        return f.rarity_of_new(owner, f"new_{key}", faded_at, but=key)

    def _total(self, f: Formulas, key: str) -> Value:
        declared = self._declared.by_key.get(key)
        return f.get(declared.of if declared else DEVICE, "count")

    def _expect(self, f: Formulas) -> None:
        for view in self._declared.views:
            if all(measure.asks == NEWNESS for measure in view.measures):
                f.expect_novelty(view.name)

    # what decides

    def _bound(self, f: Formulas) -> Value | None:
        """Keep the views in which something decides above their least; return the most that decides."""
        every: list[Value] = []
        with f.section(BOUND):
            for view in self._declared.views:
                found = [self._decided(f, view.name, one) for one in view.measures if one.decides]
                if found:
                    f.bound(view.name, most(f.decades(view.name), LEAST * most(*found)))
                every += found
            return f.variable(most(*every)) if every else None

    def _decided(self, f: Formulas, view: str, measure: Measure) -> Value:
        values = [f.feature(f"{view}.{feature}") for feature in measure.features]
        if measure.asks == FAILURES:
            return f.same(values[0])
        value = most(*values)
        if measure.asks in {NEWNESS, EXCESS}:
            value = least(1.0, RARITY_COUNTS * value)
        return value * f.past(SITE if self._is_of_site(measure.key) else DEVICE)

    def _name(self, f: Formulas, decisive: Value | None) -> None:
        """Name the behaviour of the strongest measure of the strongest view."""
        strongest: Value | None = None
        named: Value | float = 0.0
        for view in self._declared.views:
            decades, inside = f.weights[view.name] * f.decades(view.name), self._told(f, view.name)
            if strongest is None:
                strongest, named = decades, inside
            else:
                named = where(decades > strongest, inside, named)
                strongest = most(strongest, decades)
        f.name_behaviour(f.same(named))
        if decisive is not None:
            f.decide(decisive >= MATTERS)

    def _told(self, f: Formulas, view: str) -> Value | float:
        """Return the behaviour by which the strongest measure of a view is told."""
        teller = {measure: one.name for one in self._declared.behaviours for measure in one.tells}
        named: Value | float = 0.0
        strongest: Value | None = None
        for feature, measure, _ in self._features():
            if not feature.startswith(f"{view}."):
                continue
            behaviour, value = f.behaviour(teller[f"{view}.{measure.name}"]), f.feature(feature)
            if strongest is None:
                strongest, named = value, behaviour
            else:
                named = where(value > strongest, behaviour, named)
                strongest = most(strongest, value)
        return named

    # what is learned

    def _count_new(self, f: Formulas) -> None:
        """Let what is new count in how often new things come, learned or not, once the first twelve hours are over."""
        own = [PAIR, *(key.name for key in self._declared.keys if not key.is_of_site)]
        f.fade(DEVICE, *(f"new_{key}" for key in own), faded_at="faded_at")
        settled = f.since(DEVICE) >= SETTLING
        for key in own:
            f.count_new(DEVICE, f"new_{key}", key, settled * self._has(f, key))
        of_site = [key.name for key in self._declared.keys if key.is_of_site]
        f.fade(SITE, *(f"new_{key}" for key in of_site), faded_at="last")
        settled = f.since(SITE) >= SETTLING
        for key in of_site:
            f.count_new(SITE, f"new_{key}", key, settled * self._has(f, key))

    def _learn(self, f: Formulas) -> None:
        for measure in self._remembered():
            self._learn_moments(f, measure)
        self._count_new(f)
        for key in self._order:
            f.touch(key)
            f.bump(key, "count")

    def _remembered(self) -> list[Measure]:
        """Return one measure for each mean that is kept."""
        kept = [one for one in self._declared.measures.values() if one.asks in {DISTANCE, GAP, REGULARITY}]
        return list({(one.key, moments_of(one)): one for one in kept}.values())

    def _learn_moments(self, f: Formulas, measure: Measure) -> None:
        key, column = measure.key, moments_of(measure)
        if measure.asks == DISTANCE:
            counts, value = f.number(f"has_size_{measure.about}") * self._has(f, key), f.number(f"log_{measure.about}")
        else:
            counts = (f.get(key, "count") > 0.0) * (f.now >= f.get(key, "last")) * self._has(f, key)
            value = log2(1.0 + f.gap(key))
        with f.when(counts):
            f.learn_moments(key, column, value, f.get(key, f"{column}_count"))
            f.bump(key, f"{column}_count")

    # what is told

    def _tell(self, f: Formulas, measure: Measure, span: int) -> tuple[Value | float, Value | float]:
        key = measure.key
        if measure.asks == NEWNESS:
            owner, faded_at = (SITE, "last") if self._is_of_site(key) else (DEVICE, "faded_at")
            return 1.0, f.rate_a_day(f.faded(owner, f"new_{key}", faded_at), f.since(owner))
        if measure.asks == SURPRISE:
            return 1.0, f.get(key, "count") / most(1.0, self._total(f, key))
        if measure.asks == DISTANCE:
            return f.number(f"size_{measure.about}"), exp2(f.get(key, moments_of(measure))) - 1.0
        if measure.asks in {EXCESS, FAILURES}:
            at = span if measure.asks == EXCESS else SPANS.index("hour")
            counter = self._counters[measure.about]
            return f.observed(at, counter), f.usual(at, counter)
        if measure.asks == GAP:
            return f.gap(key), exp2(f.get(key, "gap")) - 1.0
        return root(f.get(key, "gap_variance")), 1.0
