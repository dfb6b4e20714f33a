"""The records of a JSON body a slice at a time: what it holds is counted before anything is built of it.

A parsed value takes up to thirty times the bytes of its text (``{}`` of three bytes is an object of 64), so a body is
searched for its structure first, without an object for each part of it, and only a slice is parsed at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import orjson

from api.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Bytes = npt.NDArray[np.uint8]

MOST_DEPTH: Final = 64  # a record of Suricata's has 6
MOST_TOKENS: Final = 4096  # of a record, and of everything beside the lists; the longest EVE record has some hundreds
_SLICE_TOKENS: Final = 32_768  # parsed at once: some megabytes of objects
_MOST_MEMBERS: Final = 64
_PIECE: Final = 1 << 18
_TOKENS: Final = np.zeros(256, bool)
_TOKENS[[*b"{}[],:"]] = True
_STEP: Final = np.zeros(256, np.int64)
_STEP[[*b"{["]], _STEP[[*b"}]"]] = 1, -1
_QUOTE, _BACKSLASH, _COMMA, _COLON = b'"\\,:'


class JsonShapeError(ServiceError):
    """The text is no JSON object with lists, or one that is too deep or too rich."""


class TooManyError(ServiceError):
    """The lists hold more elements than allowed."""


class _Tokens(NamedTuple):
    """Structural characters outside strings: where they are, which they are, and how deep it is after each."""

    places: Ints
    chars: Bytes
    depths: Ints


def _tokens(body: bytes) -> Iterator[_Tokens]:
    """Find the structure a piece at a time."""
    depth, inside, backslashes = 0, 0, 0
    for begin in range(0, len(body), _PIECE):
        piece = np.frombuffer(body, np.uint8, min(_PIECE, len(body) - begin), begin)
        quotes = piece == _QUOTE
        escapes = piece == _BACKSLASH
        if backslashes or escapes.any():
            before = _backslashes_before(escapes, backslashes)
            quotes &= before[:-1] % 2 == 0
            backslashes = int(before[-1])
        within = (np.cumsum(quotes) + inside) & 1
        inside = int(within[-1])
        places = np.flatnonzero(_TOKENS[piece] & (within == 0))
        chars = piece[places]
        depths = depth + np.cumsum(_STEP[chars])
        depth = int(depths[-1]) if len(depths) else depth
        yield _Tokens(places + begin, chars, depths)


def _backslashes_before(escapes: npt.NDArray[np.bool_], carried: int) -> Ints:
    """Return how many backslashes stand in a row before each position and, last, before the next piece."""
    numbers = np.arange(len(escapes))
    last_other = np.maximum.accumulate(np.where(escapes, -1 - carried, numbers))
    return np.concatenate(([carried], numbers - last_other))


@dataclass(frozen=True, slots=True)
class JsonArray:
    """A list within a body, not parsed yet.

    Attributes
    ----------
    begin, end
        Where the brackets stand.
    commas, ordinals
        Where the commas between its elements stand, and how many tokens come before each in the body.
    last
        How many tokens come before its closing bracket.
    """

    body: bytes
    begin: int
    end: int
    commas: Ints
    ordinals: Ints
    last: int

    def __len__(self) -> int:
        is_empty = not len(self.commas) and not self.body[self.begin + 1 : self.end].strip()
        return 0 if is_empty else len(self.commas) + 1

    def slices(self) -> Iterator[list[Any]]:
        """Parse and yield the elements, some at a time.

        Raises
        ------
        orjson.JSONDecodeError
            If one of them is no JSON.
        """
        if not len(self):
            return
        begin, first = self.begin + 1, 0
        while begin <= self.end:
            base = int(self.ordinals[first - 1]) if first else 0
            after = int(np.searchsorted(self.ordinals, base + _SLICE_TOKENS)) if len(self.ordinals) else 0
            number = max(after, first + 1) - 1
            end = int(self.commas[number]) if number < len(self.commas) else self.end
            found: list[Any] = orjson.loads(b"".join((b"[", memoryview(self.body)[begin:end], b"]")))
            if len(found) != number + 1 - first:
                raise orjson.JSONDecodeError("an element is missing before a comma or the list's end", "", begin)
            yield found
            begin, first = end + 1, number + 1


@dataclass(frozen=True, slots=True)
class JsonBody:
    """The lists among the members of a body's object, and what else it holds, parsed."""

    arrays: dict[str, JsonArray]
    rest: dict[str, Any]


def search(body: bytes, most: int) -> JsonBody:
    """Return the lists of a JSON object, which may hold `most` elements together, and its other members.

    Raises
    ------
    TooManyError, JsonShapeError
        If it holds too much, or is no object.
    orjson.JSONDecodeError
        If it is no JSON; its lists' elements are looked at later.
    """
    found = _Structure(most)
    for tokens in _tokens(body):
        found.take(tokens)
    return found.body(body)


class _Structure:
    """Gathers what is needed of the tokens: those of the outer object, and the commas of its lists."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = self._elements = 0
        self._outer: list[tuple[int, int, int]] = []
        self._commas: list[Ints] = []
        self._ordinals: list[Ints] = []

    def take(self, tokens: _Tokens) -> None:
        """Take the next tokens."""
        if len(tokens.depths) and int(tokens.depths.max()) > MOST_DEPTH:
            raise JsonShapeError(f"it is nested deeper than {MOST_DEPTH} levels")
        is_outer = (tokens.depths <= 1) & (tokens.chars != ord("{")) | (tokens.depths == 0)
        outer = np.flatnonzero(is_outer)
        if len(self._outer) + len(outer) > 3 * _MOST_MEMBERS:
            raise JsonShapeError(f"it has more than {_MOST_MEMBERS} members or parts")
        self._outer += [(int(tokens.places[n]), int(tokens.chars[n]), self._count + int(n)) for n in outer]
        commas = np.flatnonzero((tokens.chars == _COMMA) & (tokens.depths == 2))
        self._elements += len(commas)
        if self._elements > self._most:
            raise TooManyError(f"more than {self._most} records")
        self._commas.append(tokens.places[commas])
        self._ordinals.append(commas + self._count)
        self._count += len(tokens.places)

    def body(self, body: bytes) -> JsonBody:
        """Return what was found, once all tokens were taken."""
        commas, ordinals = np.concatenate([*self._commas, _NONE]), np.concatenate([*self._ordinals, _NONE])
        kept, begin, arrays, beside = [], 0, {}, self._count
        before = -1
        for (colon, char, opened), (end, closing, closed) in zip(self._outer, self._outer[1:], strict=False):
            if char != _COLON or closing != ord("]"):
                before = colon if char == _COMMA else before
                continue
            start = body.find(b"[", colon, end)
            if start < 0 or body[colon + 1 : start].strip():
                continue
            first, after = np.searchsorted(commas, (start, end))
            name = _name(body[max(before, body.find(b"{")) + 1 : colon])
            array = JsonArray(body, start, end, commas[first:after], ordinals[first:after] - opened, closed - opened)
            _check_tokens(array)
            arrays[name] = array
            kept.append(body[begin : start + 1])
            begin, beside = end, beside - (closed - opened)
        if beside > MOST_TOKENS:
            raise JsonShapeError(f"it holds more than {MOST_TOKENS} parts beside its lists")
        rest = orjson.loads(b"".join((*kept, body[begin:])))
        if not isinstance(rest, dict):
            raise JsonShapeError("it is no object")
        return JsonBody(arrays, rest)


_NONE: Final = np.zeros(0, np.int64)


def _name(text: bytes) -> str:
    return str(orjson.loads(text))


def _check_tokens(array: JsonArray) -> None:
    """Refuse a list in which one element alone is made of very many parts."""
    sizes = np.diff(np.concatenate(([0], array.ordinals, [array.last])))
    if len(sizes) and int(sizes.max()) > MOST_TOKENS:
        raise JsonShapeError(f"record {int(sizes.argmax())} has more than {MOST_TOKENS} parts")
