"""A policy that names what there is not would never do what it says: it is refused, at the start and when reloaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from api.decisions import Prevention
from api.decisions.beside import read_policy
from api.pipeline.clock import Clock
from api.state.store import AlertChange
from prevention.errors import PolicyError
from prevention.policy import Policy, policy_from
from tests.api.decisions.test_consequences import alert
from tests.prevention.conftest import START, World

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[rules]]\nbehaviours = ['scna']", "rules.0.behaviours: no behaviour is called 'scna'; did you mean scan?"),
        ("[modes]\nSCAN = 'enforce'", "modes.SCAN: no behaviour is called 'SCAN'"),
        ("[modes]\n'*' = 'enforce'", "expected one of .*brute-force"),
    ],
)
def test_a_behaviour_that_there_is_not_is_told_with_what_was_meant(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "policy.toml"
    path.write_text(text)
    with pytest.raises(PolicyError, match=problem):
        read_policy(path)
    prevention = Prevention(tmp_path / "d", Policy(), Clock())
    prevention.reload(path)
    assert "stays in force" in str(prevention.policy_problem)
    path.write_text("[[rules]]\nbehaviours = ['scan', '*']\n[modes]\nscan = 'suggest'")
    prevention.reload(path)
    assert (prevention.policy_problem, prevention.decider.policy.modes) == (None, {"scan": "suggest"})
    prevention.stop()


def test_a_fault_does_not_end_prevention_in_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    prevention = Prevention(tmp_path / "d", policy_from({"mode": "enforce"}), Clock(wall=lambda: world.now))
    with monkeypatch.context() as patched:
        patched.setattr(prevention.decider, "tick", lambda: 1 / 0)
        prevention.start()
        prevention.publish_alerts([AlertChange("raised", alert(START))])
        while not prevention.problem:
            prevention._wake.set()  # noqa: SLF001 - its thread need not be waited for
        assert any("ZeroDivisionError" in reason for reason in prevention.reasons())
    while prevention.problem or not prevention.decider.store.standing():
        prevention._wake.set()  # noqa: SLF001 - as above
    prevention.stop()
