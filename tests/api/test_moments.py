"""Moments: one grammar for options and query parameters."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.moments import parse_moment

NOW = 1767600000.0


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("0", 0.0),
        ("1767600000", NOW),
        (" 1767600000.25 ", NOW + 0.25),
        ("1.7676e9", NOW),
        ("90s", NOW - 90),
        ("2h", NOW - 7200),
        ("3d", NOW - 3 * 86_400),
        ("1w", NOW - 7 * 86_400),
        ("2026-01-05T08:00:00Z", NOW),
        ("2026-01-05T09:00:00+01:00", NOW),
        ("2026-01-05T09:00:00 01:00", NOW),
        ("2026-01-05 09:00:00.000 0100", NOW),
        ("2026-01-05T13:30+05:30", NOW),
        ("2026-01-05T03:00:00-05:00", NOW),
    ],
)
def test_every_form_is_read(text: str, moment: float) -> None:
    assert parse_moment(text, NOW) == moment


def test_a_time_without_an_offset_is_local() -> None:
    local = datetime.fromisoformat("2026-01-05T08:00:00").astimezone(UTC).timestamp()
    assert parse_moment("2026-01-05T08:00:00", NOW) == local
    assert parse_moment("2026-01-05 08:00", NOW) == local


@pytest.mark.parametrize("text", ["1767600000000", "1767600000000000", "1e11", "-1e300"])
def test_milliseconds_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="milliseconds"):
        parse_moment(text, NOW)


@given(st.text())
def test_anything_else_is_refused_with_what_was_expected(text: str) -> None:
    try:
        moment = parse_moment(text, NOW)
    except ValueError as error:
        moment, text = 0.0, str(error)
        assert "expected" in text
    assert isinstance(moment, float)


@given(st.datetimes(datetime(1971, 1, 1), datetime(2900, 1, 1), timezones=st.timezones()))  # noqa: DTZ001 - the zones come with them
def test_every_offset_is_read_with_its_plus_lost_or_not(when: datetime) -> None:
    text = when.isoformat()
    if when.utcoffset().total_seconds() % 60:  # type: ignore[union-attr] # it has a zone; offsets of old times have seconds
        return
    assert parse_moment(text, NOW) == when.timestamp()
    assert parse_moment(text.replace("+", " "), NOW) == when.timestamp()
