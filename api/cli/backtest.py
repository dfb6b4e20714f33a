"""`nslabs backtest`: what finished logs would have alerted."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.options import ConfigOption, KindOption, model_settings
from api.cli.progress import progress_bar
from api.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.offline.backtesting import Backtest, Beginning


def backtest(
    logs: Annotated[Path, typer.Argument(metavar="LOGDIR", help="Folder of finished Zeek logs, or one log.")],
    since: Annotated[
        str,
        typer.Option("--since", metavar="TIME", help="Report from then on: 7d, Tuesday, 2026-01-29, 2026-01-29T06:00."),
    ],
    state: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Begin with a copy of the models that this state had before; else with none."),
    ] = None,
    budget: Annotated[
        list[float] | None,
        typer.Option(metavar="N", min=0.0, help="Alert budget a day instead of the configured one; may be repeated."),
    ] = None,
    decisions: Annotated[
        bool, typer.Option("--decisions", help="Also say what would have been blocked, and what that would have cost.")
    ] = False,
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Policy for --decisions instead of the configured one.")
    ] = None,
    config: ConfigOption = None,
    kind: KindOption = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON line a budget instead of text.")] = False,
) -> None:
    """Replay finished logs beside the live models, which stay untouched, and say what would have been alerted.

    Records from before TIME are learned and not reported; with --state, those that its snapshot knows are passed over.
    With --decisions nothing is blocked either: no service and no enforcer is asked.
    """
    from api.cli.harmless import harmless
    from api.cli.since import parse_since, shown_time
    from api.offline.backtesting import backtest as run_backtest
    from api.offline.backtesting import beginning, with_consequences
    from api.settings import load_settings

    moment = parse_since(since, "--since", time.time())
    settings = load_settings(config, {"PreventionConfig": {"policy": policy}, **model_settings(kind)})
    asked: list[float | None] = [*budget] if budget else [None]
    begins = [beginning(settings, state, moment, per_day) for per_day in asked]
    if decisions:
        begins = [with_consequences(begin, settings, state, moment) for begin in begins]
    elif policy is not None:
        raise SettingsError("--policy says what --decisions are made by: name both, or neither")
    with progress_bar() as on_progress:
        found = run_backtest([logs], begins, moment, on_progress)
    for oddity in found[0].oddities:
        sys.stderr.write(f"nslabs: {harmless(oddity)}\n")
    if not found[0].days:
        sys.stderr.write(f"nslabs: no record began after {shown_time(moment)}; name an earlier time with --since\n")
    if json:
        sys.stdout.write("".join(_as_json(told, begins[0], moment) for told in found))
    elif len(found) > 1:
        _compare(found, begins[0], moment)
    else:
        _print(found[0], begins[0], moment)


def _as_json(found: Backtest, begin: Beginning, since: float) -> str:
    import orjson

    from api.cli.would import decisions_in_json

    told = {
        "since": since,
        "budget": found.budget,
        "thresholds": found.thresholds,
        "snapshot": begin.snapshot,
        "records": sum(found.days.values()),
        "alerts": len(found.alerts),
        "by_day": {_day(day): count for day, count in found.by_day().items()},
        "by_behaviour": found.by_behaviour(),
        "by_device": found.by_device(),
        "list": found.alerts,
        **({} if found.decisions is None else {"decisions": decisions_in_json(found.decisions)}),
    }
    return orjson.dumps(told).decode() + "\n"


def _print(found: Backtest, begin: Beginning, since: float) -> None:
    from rich.console import Console

    from api.cli.harmless import harmless
    from api.cli.terminal import alert_line
    from api.cli.would import decisions_in_words
    from api.state.store import AlertChange

    out = sys.stdout
    out.write(f"{_heading(found, begin, since)}: {len(found.alerts):,} alerts\n")
    for title, counts in (
        ("day, in UTC", {_day(day): count for day, count in found.by_day().items()}),
        ("behaviour", found.by_behaviour()),
        ("device", found.by_device()),
    ):
        out.write(f"\nalerts by {title}\n" + "".join(f"  {harmless(n):<40}{c:>8,}\n" for n, c in counts.items()))
    if found.alerts:
        out.write("\n")
        console = Console(soft_wrap=True, highlight=False)
        for alert in found.alerts:
            console.print(alert_line(AlertChange("raised", alert)))
    if found.decisions is not None:
        out.write(decisions_in_words(found.decisions))


def _compare(found: Sequence[Backtest], begin: Beginning, since: float) -> None:
    from api.cli.would import decisions_in_words

    first = found[0]
    sys.stdout.write(
        f"{_heading(first, begin, since)}\n\n"
        f"{'budget a day':>12}{'alerts':>10}{'a day':>10}{'on the most':>14}   threshold at the end\n"
    )
    for told in found:
        by_day = told.by_day().values()
        thresholds = ", ".join(f"{kind} {threshold:g}" for kind, threshold in told.thresholds.items())
        rate, most = len(told.alerts) / max(1, len(by_day)), max(by_day, default=0)
        sys.stdout.write(f"{told.budget:>12g}{len(told.alerts):>10,}{rate:>10.2f}{most:>14,}   {thresholds}\n")
    for told in found:
        if told.decisions is not None:
            sys.stdout.write(f"\nat a budget of {told.budget:g} a day" + decisions_in_words(told.decisions))


def _heading(found: Backtest, begin: Beginning, since: float) -> str:
    from api.cli.since import shown_time

    source = "new models" if begin.snapshot is None else f"a copy of snapshot {begin.snapshot}"
    return f"{sum(found.days.values()):,} records since {shown_time(since)}, {source}"


def _day(begin: float) -> str:
    return datetime.fromtimestamp(begin, UTC).date().isoformat()
