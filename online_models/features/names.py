"""The shape of a domain name: how long, how random, and under which registered domain it stands.

The registered domain is a public suffix (`online_models.features.suffixes`) and the label before it.
Under ``in-addr.arpa`` and ``ip6.arpa`` stand addresses, turned round: what is one, four decimal numbers or 32
hexadecimal digits at most, is no data, and what stands before it may be. Nor is an address with which a name begins,
as those begin that are asked of lists of addresses (RFC 5782). The top-level domains for private networks
(``local`` of RFC 6762, the others of its appendix G, and ``localdomain``) are domains as a whole, as is ``home.arpa``
(RFC 8375): such names reach nobody outside, unless they are asked of somebody there; nor do those of one label.
A name of one label, or whose last label no top-level domain can be (it has digits, or more than 24 bytes), has none:
all of it can be data, as of a tunnel straight to its server, and all such names count as one domain's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ingest.compiled import by_reference
from online_models.compile import inner, kernel
from online_models.features.suffixes import SUFFIXES, Suffixes, suffix_begin
from online_models.features.text import hash_bytes, text_of

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

    from online_models.features.text import Text

_DASH, _DOT, _ZERO, _NINE, _A, _F = 0x2D, 0x2E, 0x30, 0x39, 0x61, 0x66
_LONGEST_TOP_LEVEL = 24
"""Letters, as in `online_models.kinds.dns_words`."""
_PREFIX = len("xn--")
_PRIVATE_DOMAINS = (
    *(b"local", b"lan", b"home", b"internal", b"intranet", b"private", b"corp", b"localdomain"),
    b"home.arpa",
)


def _hash(text: bytes) -> np.uint64:
    return np.uint64(hash_bytes(np.frombuffer(text, np.uint8), 0, len(text)))


_EMPTY, _V4, _V6 = _hash(b""), _hash(b"in-addr.arpa"), _hash(b"ip6.arpa")
_V4_LABELS, _V4_DIGITS, _V6_LABELS = 4, 3, 32
"""Labels of an address in a reverse name (RFC 1035, 3.5; RFC 3596, 2.5), and most digits of one of IPv4."""
_PRIVATE = np.array([_hash(label) for label in _PRIVATE_DOMAINS])


@by_reference
class DomainNames(NamedTuple):
    """n domain names; ``sub`` is what stands before the registered domain, and before an address under it.

    Attributes
    ----------
    name, domain
        uint64 ``(n,)``: hashes of the whole name and of its registered domain, case folded.
    sub_length, longest_label
        float64 ``(n,)``, bytes.
    entropy
        float64 ``(n,)``: Shannon entropy of the bytes of ``sub``, bits a byte.
    digits
        float64 ``(n,)``: share of digits in ``sub``.
    """

    name: npt.NDArray[np.uint64]
    domain: npt.NDArray[np.uint64]
    sub_length: npt.NDArray[np.float64]
    longest_label: npt.NDArray[np.float64]
    entropy: npt.NDArray[np.float64]
    digits: npt.NDArray[np.float64]


@inner
def _digit_share(data: npt.NDArray[np.uint8], begin: int, end: int) -> float:
    digits = 0
    for i in range(begin, end):
        digits += 1 if _ZERO <= data[i] <= _NINE else 0
    return digits / (end - begin) if end > begin else 0.0


@inner
def _last_label(data: npt.NDArray[np.uint8], begin: int, end: int) -> int:
    """Return where the last label begins."""
    last = end
    while last > begin and data[last - 1] != _DOT:
        last -= 1
    return last


@inner
def _is_public(data: npt.NDArray[np.uint8], begin: int, end: int) -> bool:
    """Whether the last label can be a top-level domain: letters alone, or punycode, and not all of the name."""
    last = _last_label(data, begin, end)
    if last == begin or end - last > _LONGEST_TOP_LEVEL:
        return False
    if end - last >= _PREFIX and data[last + 2] == _DASH and data[last + 3] == _DASH:
        return True
    return _digit_share(data, last, end) == 0.0


@inner
def _domain_begin(data: npt.NDArray[np.uint8], begin: int, end: int, suffixes: Suffixes) -> int:
    """Return where the registered domain begins; at the end if there is none."""
    if not _is_public(data, begin, end):
        return end
    suffix = suffix_begin(data, begin, end, suffixes)
    return _last_label(data, begin, suffix - 1) if suffix > begin else begin


@inner
def _entropy(data: npt.NDArray[np.uint8], begin: int, end: int, counts: npt.NDArray[np.int64]) -> float:
    counts[:] = 0
    for i in range(begin, end):
        counts[data[i]] += 1
    bits, total = 0.0, end - begin
    for k in range(counts.size):
        if counts[k] > 0:
            bits -= counts[k] / total * math.log2(counts[k] / total)
    return bits


@inner
def _longest(data: npt.NDArray[np.uint8], begin: int, end: int) -> int:
    longest, run = 0, 0
    for i in range(begin, end):
        run = 0 if data[i] == _DOT else run + 1
        longest = max(longest, run)
    return longest


@inner
def _is_among(label: np.uint64, labels: npt.NDArray[np.uint64]) -> bool:
    found = False
    for k in range(labels.size):
        found |= labels[k] == label
    return found


def are_empty(names: DomainNames) -> npt.NDArray[np.bool_]:
    """Tell which records have no name, as an answer to a query that was not understood, or only the root's."""
    return np.equal(names.name, _EMPTY)


def are_private(names: DomainNames) -> npt.NDArray[np.bool_]:
    """Tell which names reach nobody outside: those under a domain for private networks, and those of one label.

    A resolver can ask the root servers only for a name without a dot (RFC 7085).
    """
    dotless = (names.domain == _EMPTY) & (names.sub_length == names.longest_label)
    private: npt.NDArray[np.bool_] = np.isin(names.domain, _PRIVATE) | dotless
    return private


@inner
def _is_of_address(data: npt.NDArray[np.uint8], begin: int, end: int, v4: bool) -> bool:
    """Whether a label is a decimal number of up to three digits, or one hexadecimal digit."""
    if not v4:
        return bool(end - begin == 1 and (_ZERO <= data[begin] <= _NINE or _A <= data[begin] <= _F))
    return bool(0 < end - begin <= _V4_DIGITS and _digit_share(data, begin, end) == 1.0)


@inner
def _address_begin(data: npt.NDArray[np.uint8], begin: int, domain: int, v4: bool) -> int:
    """Return where the address begins that stands before a domain of addresses; there, if there is none."""
    at, labels = domain, 0
    while at > begin and labels < (_V4_LABELS if v4 else _V6_LABELS):
        first = _last_label(data, begin, at - 1)
        if not _is_of_address(data, first, at - 1, v4):
            break
        at, labels = first, labels + 1
    return at


@inner
def _after_address(data: npt.NDArray[np.uint8], begin: int, domain: int, v4: bool) -> int:
    """Return where the label begins that follows an address at the beginning of a name; there, if there is none."""
    labels, first = _V4_LABELS if v4 else _V6_LABELS, begin
    for i in range(begin, domain):
        if data[i] == _DOT:
            if not _is_of_address(data, first, i, v4):
                return begin
            labels, first = labels - 1, i + 1
            if labels == 0:
                return first
    return begin


@kernel
def _measure(text: Text, suffixes: Suffixes, out: DomainNames) -> None:
    counts = np.zeros(256, np.int64)
    for i in range(out.name.size):
        begin, end = text.ends[i], text.ends[i + 1]
        if end > begin and text.data[end - 1] == _DOT:
            end -= 1
        last = _last_label(text.data, begin, end)
        private = last > begin and _is_among(hash_bytes(text.data, last, end), _PRIVATE)
        domain = last if private else _domain_begin(text.data, begin, end, suffixes)
        out.name[i] = hash_bytes(text.data, begin, end)
        out.domain[i] = hash_bytes(text.data, domain, end)
        if out.domain[i] == _V4 or out.domain[i] == _V6:
            domain = _address_begin(text.data, begin, domain, out.domain[i] == _V4)
        elif domain < end:
            begin = _after_address(text.data, _after_address(text.data, begin, domain, False), domain, True)
        sub_end = end if domain == end else max(begin, domain - 1)
        out.sub_length[i] = sub_end - begin
        out.longest_label[i] = _longest(text.data, begin, sub_end)
        out.entropy[i] = _entropy(text.data, begin, sub_end, counts) if sub_end > begin else 0.0
        out.digits[i] = _digit_share(text.data, begin, sub_end)


def names_of(column: pl.Series) -> DomainNames:
    """Measure every name of a column; null counts as the empty name."""
    n = len(column)
    out = DomainNames(
        np.empty(n, np.uint64), np.empty(n, np.uint64), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    )
    _measure(text_of(column.str.to_lowercase()), SUFFIXES, out)
    return out
