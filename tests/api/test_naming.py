"""The peer that a sentence tells of is named in it, once, and nothing else is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from api.pipeline.naming import with_peer_names

if TYPE_CHECKING:
    from tests.api.conftest import Examples

PEER, NAME = "203.0.113.7", "updates.example"


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        (f"cam talks to {PEER} on tcp/443", f"cam talks to {NAME} ({PEER}) on tcp/443"),
        (f"203.0.113.70 calls 1{PEER}, then {PEER}.", f"203.0.113.70 calls 1{PEER}, then {NAME} ({PEER})."),
        (f"cam and {PEER} exchanged GET {NAME}/x", f"cam and {PEER} exchanged GET {NAME}/x"),
        ("cam sent 2 MB", "cam sent 2 MB"),
    ],
)
def test_the_peer_of_the_sentence_is_named(examples: type[Examples], sentence: str, expected: str) -> None:
    alert = examples.alert(sentence=sentence, peers=(PEER, "198.51.100.3"))
    named = with_peer_names(alert, {PEER: NAME})
    assert (named.sentence, named.peer_names) == (expected, {PEER: NAME})


def test_a_name_of_another_peer_leaves_the_sentence_alone(examples: type[Examples]) -> None:
    alert = examples.alert(sentence=f"cam talks to {PEER}", peers=(PEER, "198.51.100.3"))
    named = with_peer_names(alert, {"198.51.100.3": NAME})
    assert (named.sentence, named.peer_names) == (alert.sentence, {"198.51.100.3": NAME})
    assert with_peer_names(alert, {}) is alert
