"""Wrong declarations of log kinds: each thing is told with file and line, all at once, and nothing is declared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ingest.records import SCHEMAS
from online_models.errors import DeclarationError
from online_models.kinds import BUILT_IN, EXAMPLES, KINDS, behaviours, declare

PAGE = Path(__file__).resolve().parents[2] / "docs" / "kinds.md"
RIGHT = """
log = "dnp3"
failed = { iin = [1, 65535] }

[columns]
fc_request = "string"
iin = "count"

[keys]
function = { of = "pair", columns = ["fc_request"] }

[views.novelty]
function = { newness = "function", decides = true }

[views.reach]
requests = { excess = "records", says = "requests" }
refused = { failures = 3 }

[behaviours.dnp3-function]
technique = "T0855"
tells = "novelty"
sentence = "{device} asks {peer} for {target}"

[behaviours.dnp3-flood]
tells = ["reach"]
sentence = "{device} had {observed} {what} in {span}"
"""
MANY = "\n".join(f"k{n} = {{ columns = ['iin'] }}" for n in range(10_000))
FUNCTION = 'function = { of = "pair", columns = ["fc_request"] }'
NEW = 'function = { newness = "function", decides = true }'
WRONG = {
    "unknown column of a key": ('["fc_request"]', '["fc"]', 10, "no column 'fc'"),
    "unknown column of a condition": ("iin = [1", "inn = [1", 3, "no column 'inn'"),
    "unknown measure": ("newness =", "novelness =", 13, "unknown 'novelness'"),
    "two measures in one": ("newness =", "gap = 'function', newness =", 13, "expected one measure"),
    "cycle": (
        FUNCTION,
        "function = { of = 'b', columns = ['iin'] }\nb = { of = 'function', columns = ['iin'] }",
        10,
        "->",
    ),
    "key of nothing": ('of = "pair"', 'of = "peer"', 10, "of 'peer'"),
    "no key": (FUNCTION, "", 9, "expected one at least"),
    "key without columns": (FUNCTION, "function = { of = 'pair' }", 10, "expected columns"),
    "ten thousand keys": (FUNCTION, f"{FUNCTION}\n{MANY}", 9, "at most 8"),
    "name used twice": ('iin = "count"', 'iin = "count"\niin = "count"', 8, "expected TOML"),
    "behaviour of the service": ("dnp3-flood]", "block-limit]", 24, "no other kind's behaviour"),
    "behaviour of another kind": ("dnp3-flood]", "scan]", 24, "no other kind's behaviour"),
    "measure told twice": (
        'tells = "novelty"',
        'tells = ["novelty", "reach.refused"]',
        25,
        "is told by dnp3-function already",
    ),
    "measure told by nobody": ('tells = ["reach"]', 'tells = ["reach.requests"]', 17, "no behaviour tells of it"),
    "unknown view": ('tells = "novelty"', 'tells = "newness"', 21, "no view or measure 'newness'"),
    "wrong type of column": ('iin = "count"', 'iin = "number"', 7, "none of Zeek's types"),
    "wrong type of value": ("decides = true", "decides = 1", 13, "expected true or false"),
    "pattern of numbers": ("iin = [1, 65535]", "iin = 'x'", 3, "holds no text"),
    "bad pattern": ("iin = [1, 65535]", "fc_request = '('", 3, "no pattern"),
    "distance of text": ("{ failures = 3 }", "{ distance = 'fc_request' }", 17, "expected a column of numbers"),
    "failures of nothing": ("failed = { iin = [1, 65535] }", "", 17, "no record counts as failed"),
    "built-in kind": ('"dnp3"', '"conn"', 2, "has a model already"),
    "no traffic": ('"dnp3"', '"dhcp"', 2, "no log of who did what to whom"),
    "no log": ('log = "dnp3"', "", 1, "expected the log's name"),
    "unknown key": ("failed =", "failing = 1\nfailed =", 3, "failing: unknown"),
    "unknown field": ("{target}", "{device.x}", 22, "no field {device.x}"),
    "brace": ("{target}", "{target", 22, "brace"),
    "no end": ("failed =", "server = 'iin'\nfailed =", 3, "no column with an address"),
    "technique": ('"T0855"', '"0855"', 20, "one of MITRE ATT&CK"),
    "weight": ("[views.reach]", "[views.reach]\nweight = 9", 16, "up to 2"),
}


@pytest.mark.parametrize("name", WRONG)
def test_each_wrong_thing_is_told_with_file_and_line(tmp_path: Path, name: str) -> None:
    old, new, line, message = WRONG[name]
    assert old in RIGHT
    file = tmp_path / "dnp3.toml"
    file.write_text(RIGHT.replace(old, new))
    with pytest.raises(DeclarationError) as caught:
        declare([str(file)])
    told = str(caught.value).splitlines()
    assert any(one.startswith(f"{file}:{line}: ") and message in one for one in told), told
    assert tuple(KINDS) == BUILT_IN
    assert "dnp3" not in SCHEMAS


def test_all_that_is_wrong_is_told_at_once_over_all_files(tmp_path: Path) -> None:
    one, other = tmp_path / "one.toml", tmp_path / "other.toml"
    one.write_text(RIGHT.replace('["fc_request"]', '["fc"]').replace("newness =", "novelness ="))
    other.write_text(RIGHT.replace('"T0855"', "7"))
    with pytest.raises(DeclarationError) as caught:
        declare([str(one), str(other), str(tmp_path / "absent.toml"), "modbus", "ntp"])
    told = str(caught.value).splitlines()
    assert [line.partition(": ")[0] for line in told if not line.startswith("ntp")] == [
        f"{one}:10",
        f"{one}:13",
        *[f"{one}:21"][: len(told) - 5],
        f"{other}:20",
        f"{tmp_path / 'absent.toml'}",
    ]
    assert "ntp: no such declaration" in told[-1]
    assert tuple(KINDS) == BUILT_IN


def test_two_files_of_one_log_or_behaviour_are_refused(tmp_path: Path) -> None:
    one, other = tmp_path / "one.toml", tmp_path / "other.toml"
    one.write_text(RIGHT)
    other.write_text(RIGHT)
    with pytest.raises(DeclarationError) as caught:
        declare([str(one), str(other)])
    assert [word in str(caught.value) for word in ("'dnp3'", "'dnp3-function'", "'dnp3-flood'")] == [True] * 3


def test_a_right_declaration_is_a_kind_until_others_are_declared(tmp_path: Path) -> None:
    file = tmp_path / "dnp3.toml"
    file.write_text(RIGHT)
    declare([str(file)])
    try:
        assert KINDS["dnp3"].declaration
        assert {"dnp3-function", "dnp3-flood"} <= {behaviour.name for behaviour in behaviours()}
        assert "iin" in SCHEMAS["dnp3"]
        before = KINDS["dnp3"].declaration
        file.write_text(RIGHT.replace("{device} asks", "{device} asked").replace("T0855", "T0836"))
        declare([str(file)])
        assert KINDS["dnp3"].declaration == before
        file.write_text(RIGHT.replace("{ failures = 3 }", "{ failures = 4 }"))
        declare([str(file)])
        assert KINDS["dnp3"].declaration != before
    finally:
        declare([])
    assert tuple(KINDS) == BUILT_IN
    assert "dnp3" not in SCHEMAS


def test_the_page_names_every_key_and_its_example_is_right(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for word in ("log", "client", "server", "target", "share", "columns", "failed", "keys", "views", "behaviours"):
        assert f"`{word}`" in page
    for word in (
        "newness",
        "surprise",
        "distance",
        "excess",
        "failures",
        "gap",
        "regularity",
        "decides",
        "says",
        "only",
    ):
        assert f"`{word}`" in page
    assert all(f"`{example}`" in page for example in EXAMPLES)
    example = re.search(r"```toml\n(log = .*?)```", page, re.DOTALL)
    assert example is not None
    file = tmp_path / "example.toml"
    file.write_text(example[1])
    declare([str(file)])
    try:
        assert KINDS["snmp"].new_machine(100, 100).code.size
    finally:
        declare([])
