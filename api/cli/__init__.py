"""The `nslabs` command: one file for each of its commands. Heavy imports stay within them, so that help is quick."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.audit import audit
from api.cli.backtest import backtest
from api.cli.budget import budget
from api.cli.completion import completion
from api.cli.decisions import decisions
from api.cli.demo import demo
from api.cli.devices import devices
from api.cli.doctor import doctor
from api.cli.enforce import enforce
from api.cli.evaluate import evaluate
from api.cli.maintenance import maintenance
from api.cli.models import models
from api.cli.replay import replay
from api.cli.rules import rules
from api.cli.run import run
from api.cli.simulate import simulate
from api.cli.sink import sink
from api.cli.store import store
from api.cli.token import token

app = typer.Typer(
    name="nslabs",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from api.version import package_version

        typer.echo(f"nslabs {package_version()}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say which version this is.")
    ] = False,
) -> None:
    """Learn what each device of a network normally does, and say when one stops being itself."""


for command in (run, replay, budget, backtest, evaluate, simulate, demo, enforce, audit, doctor, completion):
    app.command()(command)
app.add_typer(models)
app.add_typer(decisions)
app.add_typer(devices)
app.add_typer(rules)
app.add_typer(maintenance)
app.add_typer(sink)
app.add_typer(store)
app.add_typer(token)
