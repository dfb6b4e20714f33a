"""Recipes are frozen, can be built, and what is held to be true of a site is in its logs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl
import pytest

from ingest.follow.replay import ReplaySource
from lab import captures
from lab.attacks import ATTACKS
from lab.baseline import Baseline
from lab.captured_attacks import CAPTURED as CAPTURED_ATTACKS
from lab.devices import CAPTURED
from lab.events import EVENTS
from lab.further_hosts import FURTHER
from lab.groups import RECIPES
from lab.hosts import HOSTS
from lab.household import HOUSEHOLD
from lab.site import CLOCK_STEP, build, read_truth

if TYPE_CHECKING:
    from pathlib import Path

BY_NAME = {recipe.name: recipe for recipe in RECIPES}


def test_every_recipe_has_a_name_of_its_own_and_is_made_of_known_things() -> None:
    assert len(BY_NAME) == len(RECIPES)
    for recipe in RECIPES:
        known = {*HOSTS, *HOUSEHOLD, *FURTHER, *CAPTURED}, set(ATTACKS), {*EVENTS, CLOCK_STEP}
        used = set(recipe.devices), {act.kind for act in recipe.acts}, {event.kind for event in recipe.events}
        assert all(mine <= all_ for mine, all_ in zip(used, known, strict=True)), recipe.name
        devices = len(recipe.devices) + recipe.simulated
        indices = {n for part in (*recipe.events, *recipe.changes) for n in part.devices} | {
            a.device for a in recipe.acts
        }
        assert indices <= set(range(devices)), recipe.name
        assert all(act.at_h < recipe.hours for act in recipe.acts), recipe.name


def test_every_attack_says_in_advance_what_is_right() -> None:
    for recipe in RECIPES:
        for act in recipe.acts:
            assert act.right.behaviours, recipe.name
            assert all(technique.startswith("T") for technique in act.right.techniques), recipe.name


def test_no_recipe_that_has_figures_was_changed() -> None:
    baseline = Baseline.read()
    assert {name: BY_NAME[name].digest() for name in baseline.digests} == baseline.digests


def test_every_group_is_in_the_screening() -> None:
    assert {r.group for r in RECIPES if r.screening} == {r.group for r in RECIPES}


@pytest.mark.parametrize("name", ["small-guess-neighbour-15-b", "eve-names-fast", "swap-0-macs", "six-iodine-pcap"])
def test_the_truth_is_in_the_logs_that_the_product_reads(name: str, tmp_path: Path) -> None:
    recipe = BY_NAME[name]
    if not captures.available() and (
        {a.kind for a in recipe.acts} & set(CAPTURED_ATTACKS) or set(recipe.devices) & set(CAPTURED)
    ):
        pytest.skip(f"../shared/data absent ({captures.FOLDER})")
    build(recipe, tmp_path / "site")
    truth = read_truth(json.loads((tmp_path / "site" / "truth.json").read_text()))
    source = ReplaySource([tmp_path / "site" / "logs"])
    frames = [batch.frame for batch in source if "uid" in batch.frame.columns and len(batch)]
    assert not list(source.malformed)
    ends = pl.concat(frame.select("uid", "ts", "id.orig_h", "id.resp_h") for frame in frames)
    assert ends["uid"].null_count() == 0
    for attack in truth["attacks"]:
        mine = ends.filter(pl.col("uid").is_in(list(attack["uids"])))
        assert set(mine["uid"]) == attack["uids"]
        assert ((mine["id.orig_h"] == attack["device"]) | (mine["id.resp_h"] == attack["device"])).all()
        assert mine["ts"].min() >= truth["begin"] + 47 * 3600.0  # type: ignore[operator]  # a number
        rest = ends.filter(~pl.col("uid").is_in(list(attack["uids"])))
        assert len(rest) > len(mine)
        assert (
            set(attack["far"]).isdisjoint(rest["id.resp_h"])
            or attack["local"] != [attack["device"]]
            or "names" in name
            or "iodine" in name
        )


def test_a_recipe_gives_the_same_logs_each_time(tmp_path: Path) -> None:
    recipe = BY_NAME["small-sweep-site-25-b"]
    for turn in ("one", "two"):
        build(recipe, tmp_path / turn)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert {path.name for path in files} == {"conn.log", "dns.log", "http.log", "truth.json"}
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()
    build(recipe.with_seed(1), tmp_path / "other")
    assert (tmp_path / "other/logs/conn.log").read_bytes() != (tmp_path / "one/logs/conn.log").read_bytes()
