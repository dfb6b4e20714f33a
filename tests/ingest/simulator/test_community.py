"""Community IDs are those of the specification, of Zeek, and of each other."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.simulator.columns import address_texts
from ingest.simulator.community import community_id, community_texts
from ingest.simulator.sha1 import MAX_LENGTH, sha1_many
from ingest.simulator.tables import FLOW

if TYPE_CHECKING:
    from pathlib import Path

REFERENCE = [
    (6, ("128.232.110.120", 34855), ("66.35.250.204", 80), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    (6, ("66.35.250.204", 80), ("128.232.110.120", 34855), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    (17, ("192.168.1.52", 54585), ("8.8.8.8", 53), "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
    (1, ("192.168.0.89", 8), ("192.168.0.1", 0), "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
    (58, ("fe80::200:86ff:fe05:80da", 135), ("fe80::260:97ff:fe07:69ea", 0), "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="),
]


@pytest.mark.parametrize(("proto", "source", "target", "expected"), REFERENCE)
def test_reference_values(proto: int, source: tuple[str, int], target: tuple[str, int], expected: str) -> None:
    """Values published with the specification, and by its reference implementation's baselines."""
    assert community_id(proto, source, target) == expected


@given(st.lists(st.binary(min_size=1, max_size=MAX_LENGTH), min_size=1, max_size=20))
def test_sha1_is_hashlibs(messages: list[bytes]) -> None:
    length = min(map(len, messages))
    cut = [message[:length] for message in messages]
    digests = sha1_many(np.frombuffer(b"".join(cut), dtype=np.uint8).reshape(len(cut), length))
    assert [d.tobytes() for d in digests] == [hashlib.sha1(m, usedforsecurity=False).digest() for m in cut]


def test_longer_messages_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 55"):
        sha1_many(np.zeros((1, 56), dtype=np.uint8))


@given(
    st.lists(
        st.tuples(
            st.sampled_from([6, 17]),
            *[st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1)] * 2,
        ),
        min_size=1,
        max_size=30,
    )
)
def test_many_at_once_equal_one_by_one(ends: list[tuple[int, int, int, int, int]]) -> None:
    rows = np.zeros(len(ends), FLOW)
    for field, values in zip(("proto", "orig_h", "orig_p", "resp_h", "resp_p"), zip(*ends, strict=True), strict=True):
        rows[field] = values
    source, target = address_texts(rows["orig_h"]).to_list(), address_texts(rows["resp_h"]).to_list()
    one_by_one = [
        community_id(proto, (s, sp), (t, tp)) for (proto, _, sp, _, tp), s, t in zip(ends, source, target, strict=True)
    ]
    assert [text.tobytes().decode() for text in community_texts(rows)] == one_by_one


def test_zeek_gives_the_same(shared_data: Path) -> None:
    """Every community ID in conn logs that a real Zeek wrote, TCP, UDP and ICMP over both address families."""
    protos = {"tcp": 6, "udp": 17, "icmp": 1}
    seen = 0
    for log in sorted(shared_data.glob("zeek_pcaps/*/tsv/conn.log")):
        lines = log.read_text(encoding="latin-1").splitlines()
        names = next(line for line in lines if line.startswith("#fields")).split("\t")[1:]
        for line in lines:
            row = dict(zip(names, line.split("\t"), strict=False))
            if line.startswith("#") or row["proto"] not in protos or row["id.orig_h"] == row["id.resp_h"]:
                continue  # Zeek orders the ports of a host that talks to itself unlike the specification
            proto = 58 if row["proto"] == "icmp" and ":" in row["id.orig_h"] else protos[row["proto"]]
            source, target = (row["id.orig_h"], int(row["id.orig_p"])), (row["id.resp_h"], int(row["id.resp_p"]))
            assert community_id(proto, source, target) == row["community_id"], row
            seen += 1
    assert seen > 9_000
