"""Community IDs are those of the reference implementation."""

from __future__ import annotations

import communityid
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.simulator.columns import address_texts
from ingest.simulator.community import community_texts
from ingest.simulator.tables import FLOW


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
def test_they_are_what_the_reference_says(ends: list[tuple[int, int, int, int, int]]) -> None:
    rows = np.zeros(len(ends), FLOW)
    for field, values in zip(("proto", "orig_h", "orig_p", "resp_h", "resp_p"), zip(*ends, strict=True), strict=True):
        rows[field] = values
    source, target = address_texts(rows["orig_h"]).to_list(), address_texts(rows["resp_h"]).to_list()
    flows = zip(ends, source, target, strict=True)
    reference = communityid.CommunityID()
    expected = [
        reference.calc(communityid.FlowTuple(proto, s, t, from_port, to_port))
        for (proto, _, from_port, _, to_port), s, t in flows
    ]
    assert [text.tobytes().decode() for text in community_texts(rows)] == expected
