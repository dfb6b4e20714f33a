"""Under which names anybody can have one: the public suffix list, its rules as sorted hashes for the loops.

Both parts of the list count, that of registries and that of who lets others have names under their own: two customers
of one provider are as strange to each other as two domains. Rules under ``arpa`` are left out, since addresses stand
there. Source: publicsuffix.org, through the data of publicsuffixlist.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import publicsuffixlist

from ingest.compiled import by_reference
from online_models.compile import inner
from online_models.features.text import hash_bytes, hashes_of, text_of_each

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_DOT: Final = 0x2E
DEEPEST: Final = 8
"""Labels; no rule has more."""


def _rules() -> Iterator[str]:
    for line in Path(publicsuffixlist.PSLFILE).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("//") and not line.endswith(".arpa"):
            yield line.split()[0]


@by_reference
class Suffixes(NamedTuple):
    """Hashes of names, in order: of suffixes, of those above which any label is part of one, and of the exceptions.

    They are handed to the loops, so that code compiled for an older list never holds its rules.
    """

    named: npt.NDArray[np.uint64]
    above_any: npt.NDArray[np.uint64]
    excepted: npt.NDArray[np.uint64]


def _sorted(rules: Iterable[str]) -> npt.NDArray[np.uint64]:
    return np.sort(hashes_of(text_of_each([rule.encode("idna") for rule in rules])))


def _read(rules: list[str]) -> Suffixes:
    plain = (rule for rule in rules if "." in rule and rule[0] not in "*!")
    any_label = (rule.removeprefix("*.") for rule in rules if rule[0] == "*")
    return Suffixes(_sorted(plain), _sorted(any_label), _sorted(rule[1:] for rule in rules if rule[0] == "!"))


SUFFIXES: Final = _read(list(_rules()))


@inner
def _has(sorted_hashes: npt.NDArray[np.uint64], value: np.uint64) -> bool:
    at = np.searchsorted(sorted_hashes, value)
    return bool(at < sorted_hashes.size and sorted_hashes[at] == value)


@inner
def suffix_begin(data: npt.NDArray[np.uint8], begin: int, end: int, suffixes: Suffixes) -> int:
    """Return where the public suffix of the name ``data[begin:end]`` begins: lower case, without a dot at its end.

    Under no rule it is the last label. A name that a rule excepts has a registered domain, not a suffix: the suffix
    is what follows its first label.
    """
    suffix, labels, first, last, under_any = end, 0, end, end, False
    for i in range(end - 1, begin - 2, -1):
        if i >= begin and data[i] != _DOT:
            continue
        last, first, labels = first, i + 1, labels + 1
        name = hash_bytes(data, first, end)
        if labels > 1 and _has(suffixes.excepted, name):
            return last
        if labels == 1 or under_any or _has(suffixes.named, name):
            suffix = first
        under_any = _has(suffixes.above_any, name)
        if labels > DEEPEST:
            break
    return suffix
