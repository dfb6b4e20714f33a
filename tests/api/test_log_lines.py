"""What is logged is one line an event, as JSON or for people, and nothing in it controls a terminal."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from api.cli.log_lines import HarmlessFormatter, JsonFormatter

HOSTILE = "a\x1b[31m\r\nb\x7f\u202e\x9b"


def record(message: str, *, fails: bool = False) -> logging.LogRecord:
    error = None
    if fails:
        try:
            int(HOSTILE)
        except ValueError:
            error = sys.exc_info()
    return logging.LogRecord("uvicorn.error", logging.WARNING, "f.py", 1, message + " %s", ("x",), error)


def test_an_event_is_one_line_of_json() -> None:
    told = json.loads(JsonFormatter().format(record("late")))
    assert told.pop("ts").endswith("Z")
    assert told == {"level": "warning", "logger": "uvicorn.error", "event": "late x"}


@pytest.mark.parametrize("fails", [False, True])
def test_no_control_character_reaches_a_terminal(fails: bool) -> None:  # noqa: FBT001 - a parameter of the test
    line = JsonFormatter().format(record(HOSTILE, fails=fails))
    assert line.isprintable()
    assert line.isascii() or "\N{REPLACEMENT CHARACTER}" in line
    assert ("ValueError" in json.loads(line).get("exception", "")) is fails
    shown = HarmlessFormatter("%(message)s").format(record(HOSTILE, fails=fails))
    assert all(part.isprintable() for part in shown.split("\n"))
