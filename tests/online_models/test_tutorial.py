"""The tutorial of CONTRIBUTING.md is carried out word for word, and what it declares is a log kind like the others."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ingest.records import RecordBatch
from online_models import kinds
from online_models.engine import Engine
from online_models.errors import DeclarationError
from online_models.kinds.kind import Entries, of_pairs
from online_models.program import loop

if TYPE_CHECKING:
    from conftest import Traffic

PAGE = Path(__file__).resolve().parents[2] / "CONTRIBUTING.md"


@pytest.fixture
def ssh(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Carry the tutorial out: write its module, and add its line to the list."""
    source = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert source is not None
    module = ModuleType("online_models.kinds.ssh")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(source[1], vars(module))  # noqa: S102 - our own page
    monkeypatch.setitem(kinds.KINDS, "ssh", module.SSH)  # type: ignore[arg-type] # declared as a mapping, made as a dict
    return module.SSH


def logins(traffic: Traffic, times: Any, servers: list[str], *, success: bool = True) -> RecordBatch:
    """Return ssh records of one device."""
    n = len(times)
    values = {"ts": times, "uid": [f"S{t:.3f}" for t in times], "id.orig_h": [traffic.VICTIM] * n, "id.resp_h": servers}
    more = {"client": ["SSH-2.0-dropbear"] * n, "auth_success": [success] * n}
    return RecordBatch("ssh", traffic.frame_of("ssh", {**values, **more}))


def test_a_declared_kind_is_learned_scored_alerted_and_snapshotted_and_compiles_nothing(
    traffic: Traffic, ssh: Any
) -> None:
    engine = Engine()
    traffic.run(engine, {kind: traffic.Site(hours=1.0).frames()[kind] for kind in ("conn",)})
    compiled = len(loop.run.signatures)  # type: ignore[attr-defined] # numba's
    daily = traffic.START + 300.0 * np.arange(600.0)
    usual = engine.process(logins(traffic, daily, ["192.168.7.9"] * 600))
    assert usual.alerts == ()
    guesses = logins(traffic, daily[-1] + 1.0 + np.arange(400.0), ["203.0.113.9"] * 400, success=False)
    before = engine.to_bytes()
    tried = engine.score(guesses)
    assert engine.to_bytes() == before
    found = engine.process(guesses)
    assert tried.alerts == found.alerts
    assert found.score[-1] > 0.5 > np.median(usual.score)
    assert {alert.behaviour for alert in found.alerts} <= {behaviour.name for behaviour in ssh.behaviours}
    assert any("reach." in reason.feature for alert in found.alerts for reason in alert.reasons)
    assert Engine.from_bytes(engine.to_bytes()).to_bytes() == engine.to_bytes()
    assert len(loop.run.signatures) == compiled  # type: ignore[attr-defined] # numba's


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keys": {"server": "nowhere"}}, "leads to no table"),
        (
            {"tables": {name: Entries(("first",), of_pairs, adds=5) for name in ("thing", "recent")}},
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
