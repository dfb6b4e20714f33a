"""The `nslabs` command: one file for each of its commands. Heavy imports stay within them, so that help is quick."""

from __future__ import annotations

import typer

from api.cli.backtest import backtest
from api.cli.budget import budget
from api.cli.demo import demo
from api.cli.evaluate import evaluate
from api.cli.models import models
from api.cli.replay import replay
from api.cli.run import run
from api.cli.simulate import simulate

app = typer.Typer(
    name="nslabs",
    help="Learns what each device of a network normally does, and says when one stops being itself.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for command in (run, replay, budget, backtest, evaluate, simulate, demo):
    app.command()(command)
app.add_typer(models)
