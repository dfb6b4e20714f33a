"""`nslabs budget`: the thresholds that follow from the alert budget."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.options import ConfigOption, StateOption, settings_and_state

if TYPE_CHECKING:
    from api.pipeline.budget import Choice


def budget(
    state: StateOption = None,
    per_day: Annotated[
        float | None, typer.Option("--per-day", metavar="N", min=0.0, help="Ask about this budget instead.")
    ] = None,
    config: ConfigOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON line instead of text.")] = False,
) -> None:
    """Say which thresholds follow from the alert budget, and what one alert a day more or less would mean.

    A service may be running: the answer is as of its last checkpoint. The budget is alert_budget_per_day.
    """
    import orjson

    from api.pipeline.budget import choices_of
    from api.state.restoring import current_engine

    settings, path = settings_and_state(config, state)
    choices = choices_of(current_engine(path, settings), per_day)
    if json:
        sys.stdout.write(orjson.dumps(choices).decode() + "\n")
    else:
        _print(choices)


def _print(choices: tuple[Choice, ...]) -> None:
    kinds = choices[0].kinds
    heads = "".join(f"{kind + ' from':>20}" for kind in kinds)
    sys.stdout.write(f"{'':<10}{'budget a day':>14}{'told a day':>14}{heads}\n")
    for choice in choices:
        told = "unknown" if choice.alerts_per_day is None else f"{choice.alerts_per_day:.2f}"
        thresholds = "".join(f"{_one_in(kind.threshold):>20}" for kind in choice.kinds.values())
        sys.stdout.write(f"{choice.name:<10}{choice.budget_per_day:>14g}{told:>14}{thresholds}\n")
    days = ", ".join(f"{kind} {found.days}" for kind, found in kinds.items())
    noisy = {kind: found.noisy_devices for kind, found in kinds.items() if found.noisy_devices}
    sys.stdout.write(
        f"\ntold a day: devices that these thresholds would have told, on the days counted ({days})\n"
        "from: records as rare as this among ordinary ones count towards an alert\n"
    )
    if noisy:
        told = ", ".join(f"{kind} {count:,}" for kind, count in noisy.items())
        sys.stdout.write(f"with a higher threshold of their own, being told day after day: {told} devices\n")


def _one_in(decades: float) -> str:
    """Return a threshold as people read it: 3.3 decades are "1 in 2,000"."""
    return f"1 in {float(f'{10**decades:.2g}'):,.0f}"
