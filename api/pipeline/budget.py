"""What the alert budget means: the thresholds in force, and those that one alert more or less a day would give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from online_models.budget import Outlook
    from online_models.engine import Engine

Name = Literal["one less", "now", "one more", "asked"]


@dataclass(frozen=True, slots=True)
class Choice:
    """A budget of the whole site.

    Attributes
    ----------
    budget_per_day
        False alerts a day that are accepted.
    alerts_per_day
        What its thresholds would have told a day, all log kinds with enough days together; None without any.
    kinds
        Log kind to its part.
    """

    name: Name
    budget_per_day: float
    alerts_per_day: float | None
    kinds: Mapping[str, Outlook]


def choices_of(engine: Engine, asked: float | None = None) -> tuple[Choice, ...]:
    """Return the budget in force between one alert a day less and one more, or only one that is `asked` about."""
    if asked is not None:
        return (_choice(engine, "asked", asked),)
    per_day = engine.config.alert_budget_per_day
    return (
        _choice(engine, "one less", max(0.0, per_day - 1.0)),
        _choice(engine, "now", per_day),
        _choice(engine, "one more", per_day + 1.0),
    )


def _choice(engine: Engine, name: Name, per_day: float) -> Choice:
    kinds = engine.outlook(per_day)
    rates = [kind.alerts_per_day for kind in kinds.values() if kind.alerts_per_day is not None]
    return Choice(name, per_day, sum(rates) if rates else None, kinds)
