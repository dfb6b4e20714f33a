"""Leaving out or changing one number or rule shows where it matters, and nowhere and never else."""

from __future__ import annotations

from lab.ablate import UNCHANGED, ablate, effect
from lab.baseline import Baseline
from lab.groups import RECIPES
from lab.variations import variations
from online_models.kinds import BUILT_IN, KINDS

SITE = next(recipe for recipe in RECIPES if recipe.name == "small-beacon-12-b")
CHOSEN = ("conn view novelty off", "dns view domain off", "guard.ALERT_AT doubled")


def test_names_of_variations_are_their_own_and_each_is_of_a_log() -> None:
    found = variations()
    assert len({one.name for one in found}) == len(found) > 100
    assert {log for one in found for log in one.logs} == set(BUILT_IN)


def test_every_variation_is_another_program_and_leaves_none_behind() -> None:
    def programs(kinds: dict[str, object], logs: tuple[str, ...]) -> list[bytes]:
        machines = [kinds[log].new_machine(100, 100) for log in logs]
        return [array.tobytes() for machine in machines for array in (machine.code, machine.registers)]

    rules = [one for one in variations() if one.what in {"rules", "features"}]
    for variation in rules:
        before = programs(KINDS, variation.logs)
        with variation.apply() as kinds:
            assert programs(kinds, variation.logs) != before, variation.name
        assert programs(KINDS, variation.logs) == before, variation.name


def test_what_a_site_needs_shows_there_and_what_it_has_no_records_of_is_not_run() -> None:
    chosen = [one for one in variations() if one.name in CHOSEN or one.name.startswith("ssl")]
    found = ablate(SITE, chosen)
    assert found[UNCHANGED] == Baseline.read().judgements[SITE.name]
    assert found["conn view novelty off"] is not None
    assert effect({SITE.name: found}, "conn view novelty off")[0] == -1
    assert not any(name.startswith("ssl") for name in found)
    assert ablate(SITE, []) == {UNCHANGED: found[UNCHANGED]}
