"""docs/features.md has every feature, view, weight and constant of the code, and what it defines, the code computes."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from online_models import views
from online_models.budget import THRESHOLDS
from online_models.guard import DEFAULT_POLICY, THRESHOLD
from online_models.kinds import KINDS
from online_models.kinds.kind import View
from online_models.measures import excess, past

if TYPE_CHECKING:
    from conftest import FeaturesPage

SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "days": 86_400.0}
AGES = st.floats(0.0, 400 * 86_400.0)
COUNTS = st.floats(0.0, 1e9)
LOGARITHMS = st.floats(-10.0, 60.0)
SPREADS = st.floats(0.0, 20.0)


def number(value: str) -> float:
    """Return a value of the page in the code's unit: ``12 h`` is 43,200.0."""
    amount, _, unit = value.partition(" ")
    return float(amount) * SECONDS.get(unit, 1.0)


def constant(path: str) -> float:
    """Return what the code has at a path such as ``package.module.NAME``, which may go on with ``[key]`` and names."""
    module, name, rest = re.findall(r"^([\w.]+)\.(\w+)(\[.*)?$", path)[0]
    found: Any = vars(importlib.import_module(module))[name]
    for key, attribute in re.findall(r"\[(\w+)\]|\.(\w+)", rest):
        found = getattr(found, attribute) if attribute else found[int(key) if key.isdigit() else key]
    return float(found)


@pytest.mark.parametrize("kind", KINDS)
def test_every_feature_has_one_line_in_order_with_a_text_in_every_cell(features_page: FeaturesPage, kind: str) -> None:
    rows = features_page.table(kind, "feature")
    assert tuple(row[0].strip("`") for row in rows) == tuple(KINDS[kind].clauses)
    assert all(len(row) == 5 and all(row) for row in rows)


@pytest.mark.parametrize("kind", KINDS)
def test_views_have_the_weights_and_forests_of_the_code(features_page: FeaturesPage, kind: str) -> None:
    declared, rows = KINDS[kind].views, features_page.table(kind, "view")
    assert [row[0].strip("`") for row in rows] == [view.name for view in declared]
    assert [float(row[2]) for row in rows] == [view.weight for view in declared]
    assert [tuple(map(int, row[3].split(" x "))) for row in rows] == [(view.trees, view.levels) for view in declared]
    assert [{"yes": 1.0, "half": 0.5, "no": 0.0}[row[4]] for row in rows] == [view.compares for view in declared]
    assert all(row[1].endswith("?") for row in rows)


@pytest.mark.parametrize("kind", KINDS)
def test_every_behaviour_is_named(features_page: FeaturesPage, kind: str) -> None:
    named = set(re.findall(r"`([\w-]+)`", features_page.sections[kind].partition("**Behaviour.**")[2]))
    assert {behaviour.name for behaviour in KINDS[kind].behaviours} <= named


def test_every_constant_is_that_of_the_code(features_page: FeaturesPage) -> None:
    rows = features_page.table("From features to an alert", "constant")
    stated = {row[2].strip("`"): number(row[1]) for row in rows}
    assert len(stated) == len(rows) > 30
    assert stated == {path: constant(path) for path in stated}


def test_every_threshold_is_named(features_page: FeaturesPage) -> None:
    listed = re.search(r"each of ([\d., and\n]+) decades", features_page.sections["From features to an alert"])
    assert listed is not None
    assert tuple(map(float, re.findall(r"\d+(?:\.\d+)?", listed[1]))) == THRESHOLDS


def test_every_link_leads_somewhere_and_every_work_that_is_cited_is_listed(features_page: FeaturesPage) -> None:
    for file, anchor in re.findall(r"\]\(([\w./]*)#([\w-]+)\)", features_page.text):
        page = (Path(features_page.path).parent / file).read_text(encoding="utf-8") if file else features_page.text
        headings = re.findall(r"^#+ (.*)", page, flags=re.MULTILINE)
        assert anchor in {heading.lower().replace(" ", "-") for heading in headings}
    cited = {work for group in re.findall(r"\[([\w ,]+\d{4})\]", features_page.text) for work in group.split(", ")}
    listed = re.findall(r"^- ([\w ]+):", features_page.sections["Literature"], flags=re.MULTILINE)
    assert sorted(cited) == listed


@given(AGES)
def test_newness_is_what_the_page_says(features_page: FeaturesPage, age: float) -> None:
    assert features_page.functions["newness"](age) == pytest.approx(past.newness(age), abs=1e-12)


@given(COUNTS, AGES)
def test_rarity_is_what_the_page_says(features_page: FeaturesPage, events: float, seconds: float) -> None:
    said = features_page.functions["rarity"](events, seconds)
    assert said == pytest.approx(past.rarity(events, seconds), abs=1e-9)
    assert features_page.functions["rate"](events, seconds) == pytest.approx(past.rate_of(events, seconds))


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.sampled_from([0.05, 0.1, 0.5, 0.6]))
def test_surprise_is_what_the_page_says(features_page: FeaturesPage, count: int, more: int, prior: float) -> None:
    said = features_page.functions["surprise"](count, count + more, prior)
    assert said == pytest.approx(past.surprise(float(count), float(count + more), prior), abs=1e-12)


@given(LOGARITHMS, LOGARITHMS, SPREADS, st.integers(0, 10**6))
def test_distance_is_what_the_page_says(
    features_page: FeaturesPage, value: float, mean: float, sd: float, n: int
) -> None:
    said = features_page.functions["distance"](value, SimpleNamespace(mean=mean, sd=sd, n=n))
    deviation = past.deviation(np.array([mean, sd * sd]), 0, value, float(n), 1.0)
    assert said == pytest.approx(min(1.0, abs(deviation) / 10.0), abs=1e-9)


@given(st.integers(0, 10**6), st.floats(0.0, 20.0), st.floats(0.0, 5.0), st.integers(0, 1000))
def test_excess_is_what_the_page_says(
    features_page: FeaturesPage, count: int, mean: float, sd: float, learned: int
) -> None:
    row = np.zeros(excess.WINDOWS_WIDTH)
    places = vars(excess)
    row[places["_NOW"] + excess.RECORDS] = count
    usual = places["_USUAL"] + 2 * excess.RECORDS
    row[usual], row[usual + 1], row[places["_SEEN"]] = mean, sd * sd, learned
    few = 3.0
    said = features_page.functions["excess"](SimpleNamespace(count=count, mean=mean, sd=sd, windows=learned, few=few))
    assert said == pytest.approx(excess.excess(row, 0, 0, excess.RECORDS, 0.0), abs=1e-9)


@given(st.lists(st.tuples(st.floats(0.1, 1.0), st.floats(-0.5, 20.0)), min_size=4, max_size=4))
def test_evidence_is_what_the_page_says(features_page: FeaturesPage, pairs: list[tuple[float, float]]) -> None:
    weights, decades = zip(*pairs, strict=True)
    found = views.new_views([View("v", {"f": ""}, weight, 1.0, 1, 1) for weight in weights], 1)
    found.rarity[:] = decades
    said = features_page.functions["evidence"](weights, decades)
    assert said == pytest.approx(views.evidence_of(found), abs=1e-9)


def test_half_is_the_score_from_which_on_nothing_is_learned(features_page: FeaturesPage) -> None:
    assert features_page.functions["score"](DEFAULT_POLICY[THRESHOLD]) == 0.5
