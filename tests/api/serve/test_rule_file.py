"""Rules from a file: all of it or nothing, every mistake with its line, and removed nowhere else."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.errors import RuleFileError, RuleInFileError
from api.mutes import Conditions
from api.mutes.file import rules_in
from api.serve.server import _read_again
from api.state.rules import RuleStore, mutes_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.api.conftest import Examples
    from tests.api.serve.conftest import Light

GOOD = """# ours
[[rules]]
device = "192.168.1.5"
reason = "the new camera"

[[rules]]  # the second
domain = "*.Example.org"
hours = "22:00-06:00"
reason = '''nightly
[[rules]]
backup'''
expires = 2027-01-31
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file of two rules."""
    path = tmp_path / "rules.toml"
    path.write_text(GOOD)
    return path


def test_rules_have_their_conditions_their_place_and_a_name_that_stays(file: Path) -> None:
    first, second = rules_in(file)
    assert (first.conditions, first.expires_at) == (Conditions(device="192.168.1.5"), None)
    assert (first.source, second.source) == (f"{file}:2", f"{file}:6")
    assert (second.conditions.domain, second.author) == ("*.example.org", "file rules.toml")
    assert second.expires_at is not None
    file.write_text(GOOD.replace("# ours\n", "# ours\n\n\n").replace("the new", "our"))
    assert [rule.id for rule in rules_in(file)] == [first.id, second.id]


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ('[[rules]]\ndevice = "192.168.1.5"\n', 1, "reason"),
        ('\n[[rules]]\nreason = "why"\n', 2, "at least one of device"),
        ('[[rules]]\nreason = "why"\ndevice = "camera"\n', 3, "no address or prefix"),
        ('[[rules]]\nreason = "why"\ndevice = "10.0.0.1"\n[[rules]]\nreason = "why"\ncolour = "red"\n', 6, "colour"),
        ('[[rules]]\nreason = "why"\nbehaviour = "naughty"\n', 3, "expected one of .*brute-force"),
        ('[[rules]]\nreason = "why"\nservice = 23\n', 3, "text in quotes"),
        ('[[rules]]\nreason = "why"\ndevice = "10.0.0.1"\nexpires = "7d"\n', 4, "expires"),
        ('[[rules]]\nreason = "why"\ndevice = "10.0.0.1"\n' * 2, 4, "the same as the one in line 1"),
        ('[[rule]]\nreason = "why"\n', 1, r"\[\[rules\]\] and nothing else"),
        ('rules = "all"\n', 1, "table of its own"),
    ],
)
def test_a_mistake_is_told_with_file_and_line(file: Path, text: str, line: int, told: str) -> None:
    file.write_text(text)
    with pytest.raises(RuleFileError, match=rf"{file}:{line}: .*{told}"):
        rules_in(file)


def test_what_is_no_toml_and_no_file_is_told(file: Path, tmp_path: Path) -> None:
    file.write_text(GOOD + "oops\n")
    with pytest.raises(RuleFileError, match=r"expected TOML, but .*line 13"):
        rules_in(file)
    file.write_bytes(b"\xff")
    with pytest.raises(RuleFileError, match="expected TOML"):
        rules_in(file)
    with pytest.raises(RuleFileError, match="No such file"):
        rules_in(tmp_path / "none.toml")


def test_a_wrong_file_changes_nothing_and_a_right_one_all_of_its_own(file: Path, tmp_path: Path) -> None:
    with closing(RuleStore(tmp_path / "rules.sqlite3")) as store:
        kept = store.add(Conditions(behaviour="scan"), "ours", "ann", None)
        store.read_file(file)
        before = store.rules
        assert [rule.source != "" for rule in before] == [False, True, True]
        file.write_text(GOOD.replace("192.168.1.5", "camera"))
        store.read_file_again(file)
        assert store.rules is before
        assert f"{file}:3: device" in str(store.problem)
        file.write_text(GOOD.split("\n\n", maxsplit=1)[0])
        store.read_file_again(file)
        assert (len(store.rules), store.problem) == (2, None)
        with pytest.raises(RuleInFileError, match=rf"{file}:2"):
            store.remove(store.rules[1].id)
        store.remove(kept.id)
        assert [rule.conditions.device for rule in store.rules] == ["192.168.1.5"]


def test_they_hide_alerts_as_others_do(file: Path, tmp_path: Path, examples: type[Examples]) -> None:
    mutes = mutes_in(tmp_path / "none.sqlite3", file)
    assert mutes.find(examples.alert(), None) == rules_in(file)[0].id
    assert mutes.find(examples.alert(device="192.168.1.6"), None) is None


def test_a_hangup_has_the_file_read_again_and_rest_says_where_rules_stand(
    file: Path, lightly: Callable[..., AbstractContextManager[Light]]
) -> None:
    with lightly() as light:
        service = replace(light.service, rules_file=file)
        _read_again(service, None)
        rules = light.get("/rules").json()["rules"]
        assert {rule["source"] for rule in rules} == {f"{file}:2", f"{file}:6"}
        refused = light.http.delete(f"/rules/{rules[0]['id']}")
        assert (refused.status_code, refused.json()["code"]) == (409, "in_file")
        assert rules[0]["source"] in refused.json()["detail"]
        file.write_text("[[rules]]\n")
        _read_again(service, None)
        assert light.get("/rules").json()["rules"] == rules
        assert any(f"{file}:1: reason" in reason for reason in light.get("/health").json()["reasons"])


def test_the_command_looks_at_a_file(file: Path) -> None:
    assert CliRunner().invoke(app, ["rules", "check", str(file)]).output == f"{file}: 2 rules\n"
    file.write_text("[[rules]]\n")
    with pytest.raises(RuleFileError):
        CliRunner().invoke(app, ["rules", "check", str(file)], catch_exceptions=False)
