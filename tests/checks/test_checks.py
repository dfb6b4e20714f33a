"""Each check sees what it is there for: kinds that are wrong in one way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from checks import guarding, scoring
from checks.kind import names_and_words_fit_together
from checks.records import START
from checks.subject import Subject
from online_models.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from ingest.records import RecordBatch
    from online_models.kinds.kind import Kind
    from online_models.program.machine import Columns

RIGHT = KINDS["mqtt_connect"]
Salt = "Callable[[RecordBatch], npt.NDArray[np.uint64]]"
CALLS = iter(range(10**9))


def salted(salt: Salt) -> Kind:
    """Return a kind whose things are others by something that is no part of the record."""

    def columns(batch: RecordBatch, ranges: npt.NDArray[np.uint64]) -> Columns:
        read = RIGHT.columns(batch, ranges)
        keys = read.keys.copy()
        keys[:, 1:] ^= salt(batch).astype(np.uint64)[:, None] << np.uint64(3)
        return read._replace(keys=keys)

    return replace(RIGHT, columns=columns)


def size_of_the_batch(batch: RecordBatch) -> npt.NDArray[np.uint64]:
    return np.full(len(batch), len(batch), np.uint64)


def how_often_it_was_asked(batch: RecordBatch) -> npt.NDArray[np.uint64]:
    return np.full(len(batch), next(CALLS), np.uint64)


def seconds_of_its_year(batch: RecordBatch) -> npt.NDArray[np.uint64]:
    """Return what is new with every record from a month after the beginning on."""
    seconds = batch.frame["ts"].fill_null(0.0).fill_nan(0.0).clip(0.0, 1e10).to_numpy()
    return np.where(seconds > START + 30 * 86_400.0, seconds, 0.0).astype(np.uint64)


def without_limits() -> Kind:
    tables = {name: replace(one, of_pairs=1e4, a_device=0) for name, one in RIGHT.tables.items()}
    return replace(RIGHT, tables=tables)


def without_a_technique() -> Kind:
    return replace(RIGHT, behaviours=tuple(replace(one, technique="guessing") for one in RIGHT.behaviours))


def with_texts_missing() -> Kind:
    return replace(RIGHT, context=lambda frame, columns: RIGHT.context(frame, columns).with_columns(peer=None))


@pytest.mark.parametrize(
    ("wrong", "check"),
    [
        (salted(size_of_the_batch), scoring.any_batching_gives_the_same),
        (salted(size_of_the_batch), scoring.a_crash_anywhere_changes_nothing),
        (salted(how_often_it_was_asked), scoring.a_record_is_scored_before_it_is_learned),
        (salted(how_often_it_was_asked), guarding.what_a_person_expects_is_learned_and_quiet),
        (salted(seconds_of_its_year), scoring.only_log_time_counts),
        (without_limits(), scoring.tables_keep_to_their_limits),
        (without_a_technique(), names_and_words_fit_together),
        (with_texts_missing(), names_and_words_fit_together),
    ],
)
def test_a_kind_that_is_wrong_is_seen(wrong: Kind, check: Callable[[Subject], None]) -> None:
    with pytest.raises(AssertionError):
        check(Subject(wrong))
    check(Subject(RIGHT))
