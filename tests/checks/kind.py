"""`check_kind`: what every log kind's model must hold to, whoever declared it; each check says what it proves.

The records come from the log's columns alone (`checks.records`), so a new kind is checked as soon as it is declared.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
import pytest

from checks import guarding, scoring
from checks.records import VICTIM
from checks.subject import Subject
from online_models.behaviours import Sighting, clause
from online_models.errors import SnapshotError
from online_models.features.text import local_ranges
from online_models.guard import BEHAVIOURS
from online_models.snapshots import MAGIC

if TYPE_CHECKING:
    from collections.abc import Callable

    from online_models.kinds.kind import Kind
    from online_models.types import Direction


DIRECTIONS: Final[tuple[Direction, ...]] = ("out", "in", "lateral")


def names_and_words_fit_together(subject: Subject) -> None:
    """Every feature has words, every behaviour a sentence about its device and a technique that exists."""
    kind, behaviours = subject.kind, subject.kind.behaviours
    assert len(kind.clauses) == sum(len(view.features) for view in kind.views)
    assert all(view.features for view in kind.views)
    for template in kind.clauses.values():
        assert template
        assert "{" not in clause(template, 1234.5, 0.25)
    assert len({behaviour.name for behaviour in behaviours}) == len(behaviours) <= BEHAVIOURS
    facts = dict.fromkeys(kind.fact_names, (12_345.0, 0.5))
    for behaviour in behaviours:
        for direction in DIRECTIONS:
            assert VICTIM in behaviour.sentence(Sighting(VICTIM, "198.51.100.9", "tcp/23", facts, direction))
        assert re.fullmatch(r"T\d{4}(\.\d{3})?", behaviour.technique or "T0000")
        assert set(behaviour.likeness.covers) <= {other.name for other in behaviours}
    frame = subject.records.nonsense()
    context = kind.context(frame, kind.columns(subject.batch(frame), local_ranges()))
    assert (
        {"device", "peer", "target"}
        <= set(context.columns)
        <= {"device", "known_as", "peer", "target", "inbound", "answered"}
    )
    types = dict(context.schema)
    assert {types.pop(name, pl.Boolean()) for name in ("inbound", "answered")} == {pl.Boolean}
    assert set(types.values()) == {pl.String}
    assert context.null_count().sum_horizontal().item() == 0


def a_snapshot_is_numbers_and_json(subject: Subject) -> None:
    """It comes back as it was, holds arrays of numbers and JSON, and is refused when damaged (invariant 9)."""
    data = subject.whole.state
    assert subject.engine(data).to_bytes() == data
    begin = len(MAGIC) + 8
    end = begin + int.from_bytes(data[len(MAGIC) : begin], "little")
    header = json.loads(data[begin:end])
    assert data.startswith(MAGIC)
    assert all(np.dtype(dtype).kind in "biuf" for _, dtype, _ in header["arrays"])
    for place in (0, begin + 5, end + 7, len(data) - 1):
        damaged = bytearray(data)
        damaged[place] ^= 1
        with pytest.raises(SnapshotError):
            subject.engine(bytes(damaged))


CHECKS: Final[tuple[Callable[[Subject], None], ...]] = (
    names_and_words_fit_together,
    scoring.any_batching_gives_the_same,
    scoring.one_at_a_time_gives_the_same_and_features_of_the_unit_interval,
    scoring.a_record_is_scored_before_it_is_learned,
    scoring.what_was_learned_is_less_strange,
    scoring.only_log_time_counts,
    scoring.records_out_of_order_and_gaps_are_harmless,
    scoring.a_crash_anywhere_changes_nothing,
    scoring.tables_keep_to_their_limits,
    scoring.every_record_is_scored,
    guarding.what_is_known_to_be_normal_is_learned,
    guarding.what_looks_like_an_attack_is_not_learned,
    guarding.what_a_person_expects_is_learned_and_quiet,
    guarding.what_a_person_calls_an_attack_comes_again_and_is_never_learned,
    guarding.feedback_lies_in_the_log_like_a_record,
    a_snapshot_is_numbers_and_json,
)


def check_kind(kind: Kind) -> None:
    """Have a kind pass every check; the kind is in `online_models.kinds.KINDS`.

    Raises
    ------
    AssertionError
        At the first that it does not hold to.
    """
    subject = Subject(kind)
    for check in CHECKS:
        check(subject)
