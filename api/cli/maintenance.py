"""`nslabs maintenance`: when devices of a running service neither alert nor are learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from api.cli.asking import HERE, JsonOption, ServiceOption, TokenOption, ask, tell

if TYPE_CHECKING:
    from collections.abc import Mapping

maintenance = typer.Typer(
    name="maintenance", help="List, add and end spans of time without alerts and learning.", no_args_is_help=True
)

_MOST = 1000


@maintenance.command("list")
def list_windows(service: ServiceOption = HERE, token_file: TokenOption = None, json: JsonOption = False) -> None:
    """List all maintenance windows, those made last first."""
    answer = ask(service, token_file, "GET", "/maintenance", params={"limit": _MOST})
    tell(answer, json, "".join(map(_line, answer["windows"])) or "there are no maintenance windows\n")


@maintenance.command()
def add(
    reason: Annotated[str, typer.Option("--reason", help="Why; whoever finds the window later has to know.")],
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="When it ends: 2h, 2026-01-29T06:00.")],
    begin: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="When it begins; now if left out.")
    ] = None,
    device: Annotated[
        list[str] | None, typer.Option("--device", help="Address, network or MAC; may be repeated.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Devices tagged so; may be repeated.")] = None,
    everything: Annotated[bool, typer.Option("--everything", help="All devices.")] = False,
    service: ServiceOption = HERE,
    token_file: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """Have records of a span of time scored, and neither alert nor be learned."""
    named = {"devices": device or [], "tags": tag or [], "everything": everything}
    body = {**named, "begins_at": begin, "ends_at": until, "reason": reason}
    answer = ask(service, token_file, "POST", "/maintenance", json=body)
    tell(answer, json, _line(answer))


@maintenance.command()
def end(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Identifier of a window, as list shows it.")],
    service: ServiceOption = HERE,
    token_file: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """End a window now, or take back one that has not begun."""
    answer = ask(service, token_file, "DELETE", f"/maintenance/{quote(identifier, safe='')}")
    tell(answer, json, _line(answer))


def _line(window: Mapping[str, Any]) -> str:
    from api.moments import shown_time

    named = [*window["devices"], *(f"tag={tag}" for tag in window["tags"])]
    whose = "everything" if window["everything"] else " ".join(named)
    span = f"{shown_time(window['begins_at'])} to {shown_time(window['ends_at'])}"
    reason = " ".join(window["reason"].split())
    return f"{window['id']}  {window['phase']}  {whose}  {span}  by {window['author']}: {reason}\n"
