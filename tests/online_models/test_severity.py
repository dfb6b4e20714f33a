"""How bad an alert is grows with everything that makes it worse."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from online_models.behaviours import ATTACK, CONTACT, LOSS, severity_of

SEVERITIES = ("low", "medium", "high", "critical")


@given(st.floats(0.0, 50.0), st.integers(0, 10**6), st.floats(0.0, 1e7), st.sampled_from([CONTACT, LOSS, ATTACK]))
def test_severity_never_falls_when_anything_about_an_alert_grows(
    evidence: float, count: int, seconds: float, gravity: float
) -> None:
    def grade(**more: float) -> int:
        values = {"evidence": evidence, "count": count, "seconds": seconds, "gravity": gravity}
        values = {name: value + more.get(name, 0) for name, value in values.items()}
        return SEVERITIES.index(
            severity_of(values["evidence"], int(values["count"]), values["seconds"], values["gravity"])
        )

    here = grade()
    assert all(here <= grade(**{name: 7.0}) for name in ("evidence", "count", "seconds", "gravity"))


def test_severity_knows_no_negative_duration_and_no_empty_alert() -> None:
    assert severity_of(4.0, 0, -5.0, CONTACT) == severity_of(4.0, 1, 0.0, CONTACT) == "low"


def test_what_is_merely_new_is_not_severe_for_being_used_all_day_unless_it_is_new_in_every_way() -> None:
    """A new cloud is called a thousand times a day, as a command channel is; nobody guesses passwords so often."""
    count, seconds = 1000, 86_400.0
    assert severity_of(6.0, count, seconds, CONTACT) == "medium"
    assert severity_of(16.0, count, seconds, CONTACT) == "high"
    assert severity_of(16.0, 1, 0.0, CONTACT) == "low"
    assert severity_of(6.0, count, seconds, ATTACK) == "critical"
