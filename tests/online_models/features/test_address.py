"""Addresses are read as Python's ipaddress reads them, whatever their textual form, and broken ones hurt nobody."""

from __future__ import annotations

import ipaddress
import string

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from online_models.features.text import GLOBAL, GROUP, LOCAL, Addresses, addresses, local_ranges

COMPILING = settings(deadline=None, max_examples=60)
EXTRA = ("203.0.113.0/24", "2001:db8:1::/48")
RANGES = local_ranges(EXTRA)
LOCAL_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "127.0.0.0/8"),
        *("0.0.0.0/32", "fe80::/10", "fc00::/7", "::/127"),
        *EXTRA,
    )
)
ANY_V4 = st.one_of(
    st.ip_addresses(v=4),
    st.sampled_from(LOCAL_NETWORKS[:7]).flatmap(lambda n: st.ip_addresses(v=4, network=n)),
)
PREFIXES = ("fe80::/10", "fc00::/7", "2001:db8:1::/48", "ff02::/16", "::/96", "::ffff:0:0/96")
ANY_V6 = st.one_of(
    st.ip_addresses(v=6), st.sampled_from(PREFIXES).flatmap(lambda n: st.ip_addresses(v=6, network=n))
).map(lambda address: ipaddress.IPv6Address(int(address)))
BROKEN = st.text(alphabet=string.digits + "abcdefABCDEF:.", max_size=45)


def read(*texts: str | None) -> Addresses:
    """Classify some texts."""
    return addresses(pl.Series(texts, dtype=pl.String), RANGES)


def scope_of(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> int:
    """Return what an address is, by Python's own classes."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    known = mapped or address
    local = any(known.version == network.version and known in network for network in LOCAL_NETWORKS)
    if isinstance(address, ipaddress.IPv6Address):
        return GROUP if address.is_multicast else LOCAL if local else GLOBAL
    if address.is_multicast or int(address) == 2**32 - 1 or (local and int(address) % 256 == 255):
        return GROUP
    return LOCAL if local else GLOBAL


@st.composite
def texts_of_v6(draw: st.DrawFn, address: ipaddress.IPv6Address) -> str:
    """Draw one of the forms of RFC 4291, 2.2: either case, with or without leading zeros, gap and dotted tail."""
    groups = [f"{int(address) >> shift & 0xFFFF:x}" for shift in range(112, -16, -16)]
    groups = [draw(st.sampled_from([group, group.zfill(4)])) for group in groups]
    if draw(st.booleans()):
        groups[6:] = [str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))]
    zeros = [
        (begin, end)
        for begin in range(len(groups))
        for end in range(begin + 1, len(groups) + 1)
        if all(set(group) == {"0"} for group in groups[begin:end])
    ]
    text = ":".join(groups)
    begin, end = draw(st.sampled_from([(0, 0), *zeros]))
    if end > begin:
        text = ":".join(groups[:begin]) + "::" + ":".join(groups[end:])
    return draw(st.sampled_from([text, text.upper()]))


@COMPILING
@given(st.lists(ANY_V4, min_size=1, max_size=30))
def test_v4_scopes_are_those_of_ipaddress(found: list[ipaddress.IPv4Address]) -> None:
    assert read(*map(str, found)).scope.tolist() == [scope_of(address) for address in found]


@COMPILING
@given(ANY_V6.flatmap(lambda address: st.tuples(st.just(address), texts_of_v6(address))))
def test_v6_scopes_are_those_of_ipaddress_in_every_textual_form(drawn: tuple[ipaddress.IPv6Address, str]) -> None:
    address, text = drawn
    assert ipaddress.ip_address(text) == address
    found = read(text, str(address))
    assert found.scope.tolist() == [scope_of(address)] * 2
    assert found.network[0] == found.network[1] != found.key[0]


@COMPILING
@given(st.ip_addresses(v=4), st.ip_addresses(v=4))
@example(ipaddress.IPv4Address("198.51.100.1"), ipaddress.IPv4Address("198.63.255.255"))
@example(ipaddress.IPv4Address("198.51.100.1"), ipaddress.IPv4Address("198.64.0.0"))
def test_v4_network_is_the_first_twelve_bits(one: ipaddress.IPv4Address, other: ipaddress.IPv4Address) -> None:
    found = read(str(one), str(other))
    assert (found.network[0] == found.network[1]) == (int(one) >> 20 == int(other) >> 20)
    assert (found.key[0] == found.key[1]) == (one == other)


@COMPILING
@given(st.ip_addresses(v=6), st.ip_addresses(v=6))
@example(ipaddress.IPv6Address("2001:db8::1"), ipaddress.IPv6Address("2001:db8:ffff::2"))
@example(ipaddress.IPv6Address("2001:db8::1"), ipaddress.IPv6Address("2001:db9::1"))
def test_v6_network_is_the_upper_quarter(one: ipaddress.IPv6Address, other: ipaddress.IPv6Address) -> None:
    found = read(str(one), str(other))
    assert (found.network[0] == found.network[1]) == (int(one) >> 96 == int(other) >> 96)


@COMPILING
@given(BROKEN)
@example("1..2.3")
@example("300.1.1.1")
@example("10.0.0.01")
@example("fe80:::1")
@example("fe80::1:")
@example("1::2::3")
@example("fe80:1:2:3:4:5:6:7::")
def test_what_ipaddress_refuses_counts_as_global_and_as_its_own_network(text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        found = read(text)
        assert (found.scope[0], found.network[0]) == (GLOBAL, found.key[0])
    else:
        assert read(text).scope[0] == scope_of(ipaddress.ip_address(text))


def test_null_is_the_empty_address_and_no_rows_are_no_addresses() -> None:
    found = read(None, "")
    assert found.scope.tolist() == [GLOBAL, GLOBAL]
    assert found.key[0] == found.key[1]
    assert len(read().key) == 0


def test_extra_networks_are_local_only_where_they_are_configured() -> None:
    column = pl.Series(["203.0.113.9", "2001:db8:1::9", "2001:db8:2::9"])
    assert addresses(column, RANGES).scope.tolist() == [LOCAL, LOCAL, GLOBAL]
    assert addresses(column, local_ranges()).scope.tolist() == [GLOBAL, GLOBAL, GLOBAL]


@pytest.mark.parametrize("text", ["10.0.0.0/33", "lan", "", "10.0.0.0/8/8", "fe80::/129"])
def test_a_network_that_is_not_in_cidr_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear to be|not permitted|Only one"):
        local_ranges([text])


def test_a_network_given_by_one_of_its_hosts_is_the_whole_network() -> None:
    assert local_ranges(["203.0.113.77/24"]).tolist() == local_ranges(["203.0.113.0/24"]).tolist()
