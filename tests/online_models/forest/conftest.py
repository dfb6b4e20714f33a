"""Streams of several shapes, and River's own loop over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from river.base import AnomalyDetector

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Record = dict[Any, Any]


def _uniform(rng: np.random.Generator, n: int, n_features: int) -> Floats:
    return rng.random((n, n_features))


def _clusters(rng: np.random.Generator, n: int, n_features: int) -> Floats:
    """Return records around three centres, a few far outside of [0, 1]."""
    centres = rng.random((3, n_features))
    records = centres[rng.integers(0, 3, n)] + rng.normal(0.0, 0.03, (n, n_features))
    records[rng.random(n) < 0.01] *= 20.0
    return records


def _drift(rng: np.random.Generator, n: int, n_features: int) -> Floats:
    """Return records whose centre wanders through the whole range."""
    return np.linspace(0.0, 1.0, n)[:, np.newaxis] + rng.normal(0.0, 0.05, (n, n_features))


def _runs(rng: np.random.Generator, n: int, n_features: int) -> Floats:
    """Return the same record up to hundreds of times in a row, then another."""
    lengths = rng.integers(1, 400, n)
    return np.repeat(rng.random((n, n_features)), lengths, axis=0)[:n]


def _flags(rng: np.random.Generator, n: int, n_features: int) -> Floats:
    """Return zeros and ones, and columns that never change."""
    records = (rng.random((n, n_features)) < rng.random(n_features)).astype(np.float64)
    records[:, ::3] = 0.5
    return records


def _holes(rng: np.random.Generator, n: int, n_features: int) -> Floats:
    """Return records of which some values are NaN or infinite."""
    records = _uniform(rng, n, n_features)
    kind = rng.random((n, n_features))
    records[kind < 0.05] = np.nan
    records[kind > 0.97] = np.inf
    records[kind > 0.99] = -np.inf
    return records


SHAPES = {
    "uniform": _uniform,
    "clusters": _clusters,
    "drift": _drift,
    "runs": _runs,
    "flags": _flags,
    "holes": _holes,
}


@pytest.fixture(scope="session")
def shape_of() -> Callable[[str, int, int, int], Floats]:
    """Make records: name of the shape, seed, number of records, number of features."""
    return lambda name, seed, n, n_features: SHAPES[name](np.random.default_rng(seed), n, n_features)


@pytest.fixture(scope="session")
def as_dicts() -> Callable[[Floats, Flags], list[Record]]:
    """Turn a matrix into records as River takes them: features by column number, missing ones left out."""

    def convert(x: Floats, missing: Flags) -> list[Record]:
        pairs = zip(x.tolist(), missing.tolist(), strict=True)
        return [{column: value for column, value in enumerate(row) if not lacks[column]} for row, lacks in pairs]

    return convert


@pytest.fixture(scope="session")
def river_loop() -> Callable[[AnomalyDetector, list[Record]], Floats]:
    """Score every record with River and learn it after; what every batch must equal."""

    def loop(trees: AnomalyDetector, records: list[Record]) -> Floats:
        scores = np.empty(len(records))
        for i, record in enumerate(records):
            scores[i] = trees.score_one(record)
            trees.learn_one(record)
        return scores

    return loop
