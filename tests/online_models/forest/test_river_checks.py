"""River's own contract checks, on records of our own: the data set that River fetches for them is not at hand here."""

from __future__ import annotations

import copy
import inspect
from typing import TYPE_CHECKING

import numpy as np
import pytest
from river.anomaly import HalfSpaceTrees
from river.checks import common

from online_models.forest.half_space_forest import HalfSpaceForest

if TYPE_CHECKING:
    from collections.abc import Callable

OTHER_KINDS = {
    "check_has_tag": "for models that claim a tag",
    "check_debug_one": "for models with debug_one",
    "check_wrapper_accepts_kwargs": "for wrappers",
    "check_transform_one": "for transformers",
    "check_transform_many_matches_transform_one": "for transformers",
    "check_predict_many_matches_predict_one": "for classifiers and regressors",
    "check_predict_proba_many_matches_predict_proba_one": "for classifiers",
    "check_learn_many_matches_learn_one": "for classifiers and regressors, on pandas frames",
    "check_mutable_attributes_exist": "for models with mutable attributes",
}
CHECKS = [
    check
    for name, check in inspect.getmembers(common, inspect.isfunction)
    if name.startswith("check_") and name not in OTHER_KINDS
]


def records(n: int = 1_000) -> list[tuple[dict[str, float], int]]:
    """Return records of six features around two centres, one in fifty of them far away (label 1)."""
    rng = np.random.default_rng(7)
    label = (rng.random(n) < 0.02).astype(int)
    x = 0.3 + 0.4 * rng.integers(0, 2, (n, 1)) + rng.normal(0.0, 0.03, (n, 6))
    x[label == 1] = rng.random((label.sum(), 6))
    return [(dict(zip("abcdef", row, strict=True)), y) for row, y in zip(x.tolist(), label.tolist(), strict=True)]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_check(check: Callable[..., None]) -> None:
    model = HalfSpaceForest(seed=3)
    arguments = {"dataset": records()} if "dataset" in inspect.signature(check).parameters else {}
    check(model.clone(), **arguments)


def test_anomalies_rank_above_normal_records() -> None:
    """What River's ``check_roc_auc`` asks for, with a margin: score before learn, ROC-AUC by pairs."""
    forest, scores = HalfSpaceForest(seed=3, window_size=100), []
    for x, _ in records():
        scores.append(forest.score_one(x))
        forest.learn_one(x)
    anomalous = np.array([y for _, y in records()], dtype=bool)[100:]
    score = np.array(scores)[100:]
    above = score[anomalous][:, np.newaxis] - score[~anomalous]
    assert ((above > 0) + 0.5 * (above == 0)).mean() > 0.95


def test_is_rivers_anomaly_detector() -> None:
    """Whatever River's own half-space trees are, the compiled forest is."""
    for kind in HalfSpaceTrees.__mro__[1:]:
        assert isinstance(HalfSpaceForest(), kind)
    assert not HalfSpaceForest()._supervised  # noqa: SLF001 - River's pipelines read this


def test_a_copy_goes_its_own_way() -> None:
    """`clone` starts anew, with the same parameters; a deep copy goes on from where the forest stands."""
    forest = HalfSpaceForest(n_trees=3, height=4, window_size=20, limits={"a": (-1.0, 2.0)}, seed=5)
    for x, _ in records(50):
        forest.learn_one(x)
    fresh = forest.clone()
    assert fresh.score_one(records(1)[0][0]) == 0.0
    assert fresh._get_params() == forest._get_params()  # noqa: SLF001 - what River clones by
    going_on = copy.deepcopy(forest)
    for x, _ in records(90)[50:]:
        assert going_on.score_one(x) == forest.score_one(x)
        forest.learn_one(x)
        going_on.learn_one(x)
