"""The peer that a sentence tells of is named in it, once, and nothing else is touched."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from api.pipeline.naming import PeerNaming, with_peer_names

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


def test_an_alert_waits_for_the_log_that_names_its_peer(examples: type[Examples]) -> None:
    """And is told again once there are more names, not otherwise; its latest state waits."""
    names = dict[str, str]()
    naming = PeerNaming(
        lambda device, peers: {peer: names[peer] for peer in peers if peer in names and device == "cam"}
    )
    alert = examples.alert(sentence=f"cam talks to {PEER}", peers=(PEER, "198.51.100.3"), known_as="cam")
    assert naming.named(replace(alert, count=1)).peer_names == {}
    assert naming.named(replace(alert, count=2)).peer_names == {}
    assert list(naming.named_since()) == []
    names[PEER] = NAME
    (told,) = naming.named_since()
    assert (told.count, told.sentence, told.peer_names) == (2, f"cam talks to {NAME} ({PEER})", {PEER: NAME})
    assert list(naming.named_since()) == []
    names["198.51.100.3"] = "other.example"
    (told,) = naming.named_since()
    assert len(told.peer_names) == 2
    assert naming.named(alert).peer_names == told.peer_names
    assert list(naming.named_since()) == []


def test_no_more_alerts_wait_than_there_is_room_for(examples: type[Examples]) -> None:
    names = dict[str, str]()
    naming = PeerNaming(lambda _device, _peers: names)
    for k in range(300):
        naming.named(examples.alert(f"a{k}", peers=(PEER,)))
    names[PEER] = NAME
    assert [alert.id for alert in naming.named_since()] == [f"a{k}" for k in range(44, 300)]
