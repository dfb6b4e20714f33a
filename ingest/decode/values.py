"""Exact conversion of one value to its column's type, from text (TSV) and from decoded JSON.

This is the definition that the vectorised paths must agree with; they hand over to it whatever they are not sure of.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from ingest.decode.addresses import ADDRESSES, canonical
from ingest.decode.schemas import TIMES
from ingest.errors import BadLineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.errors import Cause

MIN_TS: Final = -62_135_596_800.0
"""The beginning of year 1, epoch seconds."""
MAX_TS: Final = 253_402_300_800.0
"""The end of year 9999, epoch seconds: beyond it no calendar can show a time."""
_MILLISECONDS_FROM: Final = 1e11
_EXACT: Final = 2.0**51 / 1e6

_INT: Final = re.compile(r"-?[0-9]{1,40}")
_FLOAT: Final = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_ISO: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,18}))?(?:Z|([+-])(\d\d):?(\d\d))?", re.ASCII
)
_CONTROL: Final = re.compile(r"\\x([01][0-9a-f]|7f)")
_HEX: Final = re.compile("[0-9a-fA-F]{1,8}")
_RANGES: Final = {"UInt16": (0, 2**16 - 1), "Int64": (0, 2**63 - 1)}
"""Zeek's counts have 64 bits without a sign; those from 2**63 on have wrapped, as those below 0 have."""


def _wrong(value: object, expected: str, cause: Cause = "value") -> BadLineError:
    shown = repr(value)
    return BadLineError(f"{shown if len(shown) <= 80 else shown[:77] + '...'} is not {expected}", cause)


def to_microseconds(seconds: float) -> float:
    """Round to whole microseconds, the resolution at which every format gives the same double."""
    return round(seconds * 1e6) / 1e6 if abs(seconds) < _EXACT else seconds


def _finite(seconds: float, value: object) -> float:
    if not math.isfinite(seconds):
        raise _wrong(value, "a finite number")
    return to_microseconds(seconds)


def _in_range(number: int, dtype: str, value: object) -> int:
    low, high = _RANGES[dtype]
    if not low <= number <= high:
        raise _wrong(value, f"between {low} and {high}")
    return number


@lru_cache(maxsize=4096)  # a time is asked for several times, of an event and of those that waited for it
def parse_iso(text: str) -> float:
    """Return the epoch seconds of an ISO 8601 time (UTC if it names no offset).

    Zeek writes the microseconds with ``%06.0f``, so a fraction that rounds up to a whole second has seven digits
    (``.1000000``) and means one second more.
    """
    match = _ISO.fullmatch(text)
    if match is None:
        raise _wrong(text, "an ISO 8601 time")
    *clock, fraction, sign, hours, minutes = match.groups()
    try:
        whole = int(datetime(*map(int, clock), tzinfo=UTC).timestamp())  # type: ignore[misc, arg-type]  # six ints
    except ValueError as error:
        raise _wrong(text, f"an ISO 8601 time ({error})") from error
    if sign:
        shift = (int(hours) * 60 + int(minutes)) * 60
        whole += -shift if sign == "+" else shift
    digits = "1000000" if fraction == "1000000" else f"{fraction or '':0<6}"
    micros = int(digits) if len(digits) == 6 or digits == "1000000" else round(int(digits) / 10 ** (len(digits) - 6))
    return (whole * 1_000_000 + micros) / 1e6


def check_ts(ts: float) -> float:
    """Return ``ts`` if a calendar can show it, raise `BadLineError` if not."""
    if not MIN_TS <= ts < MAX_TS:
        raise _wrong(ts, "a time between the years 1 and 9999")
    return ts


def float_from_text(text: str) -> float:
    """Return the number, at microsecond resolution."""
    if not _FLOAT.fullmatch(text):
        raise _wrong(text, "a number")
    return _finite(float(text), text)


def int_from_text(dtype: str, text: str) -> int:
    """Return the whole number, which must fit ``dtype``."""
    if not _INT.fullmatch(text):
        raise _wrong(text, "a whole number")
    return _in_range(int(text), dtype, text)


def bool_from_text(text: str) -> bool:
    """Return True for ``T``, False for ``F``."""
    if text not in {"T", "F"}:
        raise _wrong(text, "T or F")
    return text == "T"


def address(value: object) -> str:
    """Return an IP address in its one spelling."""
    found = canonical(value) if isinstance(value, str) else None
    if found is None:
        raise _wrong(value, "an IP address", "address")
    return found


def text_converter(name: str, dtype: pl.DataType) -> Callable[[str], Any]:
    """Return the function that converts an unescaped TSV value, set, not empty and no list, to a column's type."""
    if dtype == pl.String:
        return address if name in ADDRESSES else str
    if dtype == pl.Float64:
        return float_from_text
    return bool_from_text if dtype == pl.Boolean else partial(int_from_text, str(dtype))


def ts_from_json(value: object) -> float:
    """Return epoch seconds of any of Zeek's JSON timestamps: seconds, milliseconds (by magnitude) or ISO 8601."""
    if isinstance(value, str):
        return check_ts(parse_iso(value))
    number = float_from_json(value)
    if abs(number) >= _MILLISECONDS_FROM:
        number = to_microseconds(number / 1e3)
    return check_ts(number)


def float_from_json(value: object) -> float:
    """Return the number, at microsecond resolution."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(value, "a number")
    return _finite(float(value), value)


def count_from_json(value: object) -> int:
    """Return the whole number, which no float is: Suricata writes none for a count."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(value, "a whole number")
    return _in_range(value, "Int64", value)


def flags_from_json(value: object) -> str:
    """Return TCP flags, hexadecimal digits."""
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise _wrong(value, "hexadecimal flags")
    return value


def int_from_json(dtype: str, value: object) -> int:
    """Return the whole number; a float counts if it has no fraction."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise _wrong(value, "a whole number")
    return _in_range(int(value), dtype, value)


def bool_from_json(value: object) -> bool:
    """Return the truth value."""
    if not isinstance(value, bool):
        raise _wrong(value, "true or false")
    return value


def text_from_json(value: object) -> str:
    r"""Return the string; Zeek's JSON has control characters as ``\\xNN`` text, which become the characters again."""
    if not isinstance(value, str):
        raise _wrong(value, "a string")
    return _CONTROL.sub(lambda match: chr(int(match[1], 16)), value) if "\\x" in value else value


def json_converter(name: str, dtype: pl.DataType) -> Callable[[object], Any]:
    """Return the function that converts a JSON value, not null, to a column's type; null inside a list stays null."""
    if isinstance(dtype, pl.List):
        return partial(_list_from_json, json_converter("", dtype.inner))  # type: ignore[arg-type]  # schemas hold instances
    if name in TIMES:
        return ts_from_json
    if dtype == pl.String:
        return address if name in ADDRESSES else text_from_json
    if dtype == pl.Float64:
        return float_from_json
    return bool_from_json if dtype == pl.Boolean else partial(int_from_json, str(dtype))


def _list_from_json(convert: Callable[[object], Any], value: object) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong(value, "a list")
    return [None if item is None else convert(item) for item in value]
