"""The file of scores: one line a record, in order, with exactly the promised keys, whatever the log held."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from api.offline.scores_file import ScoresFile
from online_models.types import Reason, ScoredBatch

if TYPE_CHECKING:
    from tests.api.conftest import Examples


def lines(*batches: ScoredBatch) -> list[dict[str, Any]]:
    file = io.BytesIO()
    scores = ScoresFile(file)
    for batch in batches:
        scores.write(batch)
    return [json.loads(line) for line in file.getvalue().splitlines()]


def test_every_record_once_in_log_order(examples: type[Examples]) -> None:
    got = lines(examples.scored(3, anomalous=(1,)), examples.scored(0), examples.scored(2, kind="dns"))
    assert [(row["log"], row["uid"]) for row in got] == [
        ("conn", "C0"), ("conn", "C1"), ("conn", "C2"), ("dns", "C0"), ("dns", "C1")
    ]  # fmt: skip
    assert [len(row["reasons"]) for row in got] == [0, 1, 0, 0, 0]
    assert all(list(row) == ["log", "uid", "ts", "device", "score", "anomaly", "reasons"] for row in got)


reasons = st.builds(
    Reason,
    feature=st.text(),
    observed=st.floats(allow_nan=False, allow_infinity=False),
    usual=st.floats(allow_nan=False, allow_infinity=False),
    weight=st.floats(0, 1),
    text=st.text(),
)
rows = st.tuples(
    st.text(),
    st.text(),
    st.floats(0, 1e10),
    st.floats(0, 1),
    st.booleans(),
    st.lists(reasons, max_size=3),
)


@given(st.lists(rows, max_size=8))
def test_all_values_come_back_equal(given_rows: list[tuple[str, str, float, float, bool, list[Reason]]]) -> None:
    batch = ScoredBatch(
        kind="http",
        uid=[row[0] for row in given_rows],
        device=[row[1] for row in given_rows],
        ts=np.array([row[2] for row in given_rows], dtype=np.float64),
        score=np.array([row[3] for row in given_rows], dtype=np.float64),
        anomaly=np.array([row[4] for row in given_rows], dtype=np.bool_),
        reasons={number: tuple(row[5]) for number, row in enumerate(given_rows) if row[4]},
    )
    got = lines(batch)
    assert [(r["uid"], r["device"], r["ts"], r["score"], r["anomaly"]) for r in got] == [r[:5] for r in given_rows]
    assert [[Reason(**reason) for reason in row["reasons"]] for row in got] == [
        row[5] if row[4] else [] for row in given_rows
    ]
