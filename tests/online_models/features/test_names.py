"""Names are measured before their registered domain, whatever their case and their final dot."""

from __future__ import annotations

import math
from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from publicsuffixlist import PublicSuffixList

from online_models.features.names import are_private, names_of
from online_models.features.suffixes import DEEPEST
from online_models.features.text import hashes
from online_models.kinds.dns_words import registered_domain

COMPILING = settings(deadline=None, max_examples=60)
LABELS = st.lists(st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=20), min_size=1, max_size=6)
_SUFFIXES = PublicSuffixList()
_ENDS = [rule for rule in _SUFFIXES._publicsuffix if rule.isascii() and not rule.endswith("arpa")]  # noqa: SLF001 - names to try
_TRIED = st.builds(lambda labels, end: ".".join([*labels, end.lstrip("!*.")]), LABELS, st.sampled_from(sorted(_ENDS)))
CASES = {
    "example.com": ("", "example.com"),
    "www.example.com": ("www", "example.com"),
    "a.b.c.example.com": ("a.b.c", "example.com"),
    "example.co.uk": ("", "example.co.uk"),
    "www.example.co.uk": ("www", "example.co.uk"),
    "www.com.au": ("", "www.com.au"),
    "com.au": ("", "com.au"),
    "www.bund.de": ("www", "bund.de"),
    "ntp.org": ("", "ntp.org"),
    "a.b.t.co": ("a.b", "t.co"),
    "www.example.com.au": ("www", "example.com.au"),
    "www.city.kawasaki.jp": ("www", "city.kawasaki.jp"),
    "x.y.other.kawasaki.jp": ("x", "y.other.kawasaki.jp"),
    "kawasaki.jp": ("", "kawasaki.jp"),
    "www.example.pvt.k12.ma.us": ("www", "example.pvt.k12.ma.us"),
    "a.mine.duckdns.org": ("a", "mine.duckdns.org"),
    "www.食狮.公司.cn".encode("idna").decode(): ("www", "食狮.公司.cn".encode("idna").decode()),
    "4.3.2.1.in-addr.arpa": ("", "in-addr.arpa"),
    "b._dns-sd._udp.0.1.168.192.in-addr.arpa": ("b._dns-sd._udp", "in-addr.arpa"),
    "5.4.3.2.1.in-addr.arpa": ("5", "in-addr.arpa"),
    "4.3.2.1a.in-addr.arpa": ("4.3.2.1a", "in-addr.arpa"),
    "1234.1.in-addr.arpa": ("1234", "in-addr.arpa"),
    "in-addr.arpa": ("", "in-addr.arpa"),
    "8.b.d.0.1.0.0.2.ip6.arpa": ("", "ip6.arpa"),
    "3df9.8.b.d.0.ip6.arpa": ("3df9", "ip6.arpa"),
    "g.1.ip6.arpa": ("g", "ip6.arpa"),
    ".".join(["7"] * 33) + ".ip6.arpa": ("7", "ip6.arpa"),
    "4.3.2.1.zen.example.org": ("zen", "example.org"),
    "4.3.2.1.example.org": ("", "example.org"),
    "5.4.3.2.1.zen.example.org": ("1.zen", "example.org"),
    "3.2.1.zen.example.org": ("3.2.1.zen", "example.org"),
    "4.3.2.1a.zen.example.org": ("4.3.2.1a.zen", "example.org"),
    ".".join(["7"] * 32) + ".zen.example.org": ("zen", "example.org"),
    "x.ns.arpa": ("x", "ns.arpa"),
    "www.home.carpa": ("www", "home.carpa"),
    "arpa": ("arpa", ""),
    "_services._dns-sd._udp.local": ("_services._dns-sd._udp", "local"),
    "speaker-00d9.lan": ("speaker-00d9", "lan"),
    "nas.home.arpa": ("nas", "home.arpa"),
    "www.lan.example": ("www", "lan.example"),
    "lan": ("lan", ""),
    "localhost": ("localhost", ""),
    "com": ("com", ""),
    "printer-2": ("printer-2", ""),
    "dnscat.9a0c00f5006c798b": ("dnscat.9a0c00f5006c798b", ""),
    "www.example.abcdefghijklmnopqrstuvwxy": ("www.example.abcdefghijklmnopqrstuvwxy", ""),
    "www.example.xn--p1ai": ("www", "example.xn--p1ai"),
    "192.168.7.1": ("192.168.7.1", ""),
    "": ("", ""),
    ".": ("", ""),
}


def hash_of(text: str) -> int:
    """Return the hash of one string."""
    return int(hashes(pl.Series([text]))[0])


@pytest.mark.parametrize("form", [str, str.upper, lambda name: name.rstrip(".") + "."])
@pytest.mark.parametrize(("name", "expected"), CASES.items())
def test_registered_domain_and_what_stands_before_it(form: object, name: str, expected: tuple[str, str]) -> None:
    assert callable(form)
    found, (sub, domain) = names_of(pl.Series([form(name)])), expected
    assert found.domain[0] == hash_of(domain)
    assert found.name[0] == hash_of(name.rstrip("."))
    assert found.sub_length[0] == len(sub)


@pytest.mark.parametrize(
    ("sub", "bits"),
    [("aaaa", 0.0), ("abab", 1.0), ("abcd", 2.0), ("0123456789abcdef", 4.0), ("aab", 0.9182958340544896), ("", 0.0)],
)
def test_entropy_of_known_strings(sub: str, bits: float) -> None:
    name = f"{sub}.example.com" if sub else "example.com"
    assert names_of(pl.Series([name])).entropy[0] == pytest.approx(bits, abs=1e-12)


def test_digits_and_longest_label_are_those_of_the_part_before_the_domain() -> None:
    found = names_of(pl.Series(["a1b2.cc.99example99.com", "1234.example.com", "99.com", None]))
    assert found.digits.tolist() == [2 / 7, 1.0, 0.0, 0.0]
    assert found.longest_label.tolist() == [4.0, 4.0, 0.0, 0.0]


@COMPILING
@given(LABELS)
def test_lengths_and_entropy_agree_with_a_plain_count(labels: list[str]) -> None:
    name, top = ".".join(labels), labels[-1]
    kept = (_SUFFIXES.privatesuffix(name) or name).count(".") + 1
    if len(labels) == 1 or (top[2:4] != "--" and any("0" <= letter <= "9" for letter in top)):
        kept = 0
    sub, domain = ".".join(labels[: len(labels) - kept]), ".".join(labels[len(labels) - kept :])
    found = names_of(pl.Series([name]))
    shares = [count / len(sub) for count in Counter(sub).values()]
    assert found.domain[0] == hash_of(domain)
    assert found.sub_length[0] == len(sub)
    assert found.longest_label[0] == max(map(len, sub.split(".")))
    assert found.entropy[0] == pytest.approx(-sum(p * math.log2(p) for p in shares), abs=1e-9)


@COMPILING
@given(st.lists(st.none() | st.text(max_size=30), max_size=10))
def test_any_text_is_measured_without_numbers_that_are_none(names: list[str | None]) -> None:
    """Queries are attackers' text: any of it gives finite measures in their ranges."""
    found = names_of(pl.Series(names, dtype=pl.String))
    for i, name in enumerate(names):
        length = len((name or "").lower().encode())
        assert 0.0 <= found.longest_label[i] <= found.sub_length[i] <= length
        assert 0.0 <= found.entropy[i] <= 8.0
        assert 0.0 <= found.digits[i] <= 1.0


def test_names_of_a_slice_are_those_of_its_rows() -> None:
    column = pl.Series(["www.example.com", "x.example.org", None, "abc.def.example.net"])
    whole, part = names_of(column), names_of(column[1:])
    for of_all, of_part in zip(whole, part, strict=True):
        assert of_all[1:].tolist() == of_part.tolist()


def test_private_names_and_those_of_one_label_reach_nobody_outside() -> None:
    names = pl.Series(["nas.lan", "txamzxqzeqyrgnb", "localhost", "dnscat.9a0c00f5", "www.example.org", "example.org"])
    assert are_private(names_of(names)).tolist() == [True, True, True, False, False, False]


@COMPILING
@given(st.lists(_TRIED, min_size=1))
def test_registered_domains_are_those_of_the_public_suffix_list(names: list[str]) -> None:
    expected = [hash_of(_SUFFIXES.privatesuffix(name) or name) for name in names]
    assert names_of(pl.Series(names)).domain.tolist() == expected
    assert [hash_of(registered_domain(name)) for name in names] == expected


def test_no_rule_is_longer_than_what_is_looked_at() -> None:
    assert max(rule.count(".") + 1 for rule in _ENDS) <= DEEPEST
