"""An address has one spelling, and no other one passes by the list of what must never be blocked."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prevention import addresses
from prevention.errors import TargetError
from prevention.safeguards import Protected, Protection
from prevention.targets import target_of

OTHER_SPELLINGS = [
    "192.168.1.1",
    " 192.168.1.1 ",
    "::ffff:192.168.1.1",
    "::FFFF:c0a8:0101",
    "[::ffff:192.168.1.1]",
    "::ffff:192.168.1.1%eth0",
    "192.168.1.1/32",
    "192.168.1.0/24",
    "192.168.0.0/16",
    "::ffff:192.168.1.0/120",
    "64:ff9b::192.168.1.1",
    "64:ff9b::/64",
    "2002:c0a8:101::1",
    "2002:c0a8:100::/40",
    "::192.168.1.1",
    "0.0.0.0/0",
    "::/0",
    "::ffff:0:0/90",
    "2000::/3",
]
GARBAGE = [
    "",
    " ",
    "192.168.1",
    "192.168.001.001",
    "0xc0a80101",
    "3232235777",
    "1.2.3.4/33",
    "a.b.c.d",
    "; drop",
    "::g",
]

NOBODY = [
    "127.0.0.53",
    "224.0.0.251",
    "255.255.255.255",
    "169.254.3.4",
    "0.0.0.0/32",
    "::1",
    "::",
    "fe80::1",
    "ff02::fb",
]
NO_DEVICES = [
    "fe80::1",
    "ff:ff:ff:ff:ff:ff",
    "01:00:5e:00:00:fb",
    "33:33:00:00:00:01",
    "fe80::1%wlan0",
    "::ffff:127.0.0.1",
]


@pytest.mark.parametrize("text", OTHER_SPELLINGS)
def test_no_spelling_of_the_gateway_and_no_prefix_over_it_passes(text: str) -> None:
    assert Protection([Protected("192.168.1.1", "gateway")]).refusal_of(text) is not None


@pytest.mark.parametrize("text", GARBAGE)
def test_garbage_is_refused_and_not_guessed(text: str) -> None:
    with pytest.raises(TargetError, match="no "):
        addresses.peer(text)
    assert Protection().refusal_of(text) is not None


@pytest.mark.parametrize("text", [*NOBODY, *NO_DEVICES])
def test_what_nobody_can_want_to_block_is_protected_everywhere(text: str) -> None:
    assert Protection().refusal_of(text) is not None


@pytest.mark.parametrize("text", ["192.168.1.7", "192.168.11.1", "198.51.100.0/24", "2001:db8::7", "2001:db8::/48"])
def test_what_is_merely_alike_is_not_protected(text: str) -> None:
    """A comparison of texts calls 192.168.11.1 the gateway 192.168.1.1, or one of its prefixes."""
    assert Protection([Protected("192.168.1.1", "gateway")]).refusal_of(text) is None


@given(st.ip_addresses(), st.integers(0, 128), st.ip_addresses())
def test_a_prefix_is_refused_exactly_if_it_holds_what_is_protected(first: object, length: int, second: object) -> None:
    guarded = Protection([Protected(str(second), "mine")])
    size = min(length, 32 if ip_address(str(first)).version == 4 else 128)
    network = ip_network(f"{first}/{size}", strict=False)
    if ip_address(str(second)) in network:
        assert guarded.refusal_of(str(network)) is not None


@given(st.ip_addresses(v=4))
def test_a_mapped_address_is_the_address(found: object) -> None:
    assert addresses.address(f"::ffff:{found}") == addresses.peer(f"::ffff:{found}/128") == str(found)


@pytest.mark.parametrize("text", ["02-00-5E-10-00-05", "0200.5e10.0005", "02005e100005", " 02:00:5E:10:00:05"])
def test_a_mac_has_one_spelling(text: str) -> None:
    assert addresses.device(text) == "02:00:5e:10:00:05"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Example.ORG.", "example.org"),
        ("_mqtt.a.example", "_mqtt.a.example"),
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_a_domain_has_one_spelling(text: str, name: str) -> None:
    assert addresses.domain(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "com",
        ".",
        "",
        "a..b",
        "-a.example",
        "a b.example",
        "192.0.2.7",
        "x." + "a" * 64 + ".org",
        "a\n.example",
        "1.5e-285",
    ],
)
def test_what_is_no_domain_is_refused(text: str) -> None:
    with pytest.raises(TargetError):
        addresses.domain(text)


@pytest.mark.parametrize(
    "parts",
    [
        {"kind": "pair", "device": "192.0.2.1"},
        {"kind": "peer", "domain": "a.example"},
        {"kind": "all"},
        {"kind": "device"},
    ],
)
def test_a_target_has_its_parts_and_no_others(parts: dict[str, str]) -> None:
    with pytest.raises(TargetError):
        target_of(**parts)
