"""What the two tutorials declare, word for word, is a log kind like the others: CONTRIBUTING.md and docs/kinds.md."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from checks.kind import CHECKS
from checks.subject import Subject
from ingest.records import RecordBatch
from online_models import kinds
from online_models.engine import Engine
from online_models.errors import DeclarationError
from online_models.kinds import KINDS, declare
from online_models.kinds.kind import Entries
from online_models.program import loop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROJECT = Path(__file__).resolve().parents[2]


def block(page: str, language: str) -> str:
    """Return the first block of code on a page that declares a log kind."""
    text = (PROJECT / page).read_text(encoding="utf-8")
    found = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return next(source for source in found if "SSH = Kind(" in source or source.startswith("log = "))


@pytest.fixture
def ssh(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Carry the tutorial out: write its module, and add its line to the list."""
    module = ModuleType("online_models.kinds.ssh")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(block("CONTRIBUTING.md", "python"), vars(module))  # noqa: S102 - our own page
    monkeypatch.setitem(kinds.KINDS, "ssh", module.SSH)  # type: ignore[arg-type] # declared as a mapping, made as a dict
    return module.SSH


@pytest.fixture
def snmp(tmp_path: Path) -> Iterator[Any]:
    """Declare the example of the page."""
    file = tmp_path / "snmp.toml"
    file.write_text(block("docs/kinds.md", "toml"), encoding="utf-8")
    declare([str(file)])
    yield KINDS["snmp"]
    declare([])


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("page", ["ssh", "snmp"])
def test_what_a_tutorial_declares_holds(
    page: str, check: Callable[[Subject], None], request: pytest.FixtureRequest
) -> None:
    check(Subject(request.getfixturevalue(page)))


def test_a_declared_kind_compiles_nothing(ssh: Any) -> None:
    conn, declared = Subject(KINDS["conn"]), Subject(ssh)
    engine = Engine()
    engine.process(conn.batch(conn.records.ordinary(0.0, 1.0)))
    compiled = len(loop.run.signatures)  # type: ignore[attr-defined] # numba's
    engine.process(RecordBatch("ssh", declared.records.ordinary(0.0, 1.0)))
    assert engine.facts()["ssh"].learned > 0
    assert len(loop.run.signatures) == compiled  # type: ignore[attr-defined] # numba's


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keys": {"server": "nowhere"}}, "leads to no table"),
        (
            {"tables": {name: Entries(("first",), adds=5) for name in ("thing", "recent")}},
            "at most 4 entries",
        ),
        ({"recent_thing": "nothing"}, "no key 'nothing'"),
        ({"numbers": ("other",)}, "no number 'failed'"),
        ({"device_columns": ("faded_at",)}, "no column 'new_servers'"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(ssh: Any, change: dict[str, Any], message: str) -> None:
    fields = {name: getattr(ssh, name) for name in ssh.__slots__} | change
    with pytest.raises(DeclarationError, match=message):
        type(ssh)(**fields).new_machine(100, 100)
