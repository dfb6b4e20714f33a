"""Every tuned number and special rule of the models has its reason beside it, and one without is seen."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from lab import constants

if TYPE_CHECKING:
    from pathlib import Path

MODULE = '''
FIRST, SECOND = range(2)
A, B = 0, 1
NEVER = 1e300
MASK = 0xFF
TIMES, SHARE = 3.0, 0.5
"""How often; and what of it."""
BESIDE = 7.0  # a week
# above
ABOVE = 2.5
BARE = 4.5
DERIVED = TIMES * ABOVE
PADDING = 0.15
ROOM = 100
"""Of a table."""
'''


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with one module of numbers."""
    (tmp_path / "numbers_of_a_test.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.setattr(constants, "PROJECT", tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("numbers_of_a_test", None)


def test_every_number_and_rule_has_a_reason() -> None:
    paths = constants.modules()
    numbers = [one for path in paths for one in constants.constants(path)]
    rules = [one for path in paths if constants.is_declaration(path) for one in constants.rules(path)]
    assert [f"{one.module}:{one.line} {one.name}" for one in (*numbers, *rules) if not one.reason] == []
    assert set().union(*(constants.unknown_sites(one.reason) for one in (*numbers, *rules))) == set()
    assert len([one for one in numbers if not one.is_limit]) > 50
    assert {"conn", "dns", "ssl", "mqtt"} <= {one.module.rpartition(".")[2].partition("_")[0] for one in rules}


def test_a_site_that_is_not_there_is_seen() -> None:
    assert constants.unknown_sites("Seconds. Lab: small-beacon-12-b. Lab: no-such-site.") == {"no-such-site"}


def test_numbers_are_told_from_places_and_their_reasons_found(project: Path) -> None:
    found = {one.name: (one.value, one.reason) for one in constants.constants(project / "numbers_of_a_test.py")}
    assert found == {
        "TIMES": (3.0, "How often; and what of it."),
        "SHARE": (0.5, "How often; and what of it."),
        "BESIDE": (7.0, "a week"),
        "ABOVE": (2.5, "above"),
        "BARE": (4.5, ""),
        "ROOM": (100, "Of a table."),
    }


def test_a_number_in_a_function_needs_a_name_or_a_comment(tmp_path: Path) -> None:
    path = tmp_path / "functions.py"
    body = ["def f(x):", "    y = 3.5 * x", "    z = 4.5 * x  # why", "    # why, too", "    return 5.5 + y + 0.5 * z"]
    path.write_text("\n".join(body), encoding="utf-8")
    assert constants.bare(path) == [(2, 3.5)]
