"""`nslabs rules`: what a running service mutes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from api.cli.asking import HERE, JsonOption, ServiceOption, TokenOption, ask, tell

if TYPE_CHECKING:
    from collections.abc import Mapping

rules = typer.Typer(name="rules", help="List, add and remove the rules that mute alerts.", no_args_is_help=True)

_CONDITIONS = ("device", "behaviour", "peer", "domain", "service", "hours")
_MOST = 1000


@rules.command("list")
def list_rules(service: ServiceOption = HERE, token_file: TokenOption = None, json: JsonOption = False) -> None:
    """List all rules, the newest first, with how many alerts each hides."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = ask(service, token_file, "GET", "/rules", params={"limit": _MOST, **cursor})
        found += answer["rules"]
        if answer["next_cursor"] is None:
            break
        cursor = {"cursor": answer["next_cursor"]}
    tell({"rules": found}, json, "".join(map(_line, found)) or "nothing is muted\n")


@rules.command()
def add(
    reason: Annotated[str, typer.Option("--reason", help="Why; whoever finds the rule later has to know.")],
    device: Annotated[str, typer.Option("--device", help="Address, network or MAC of the device.")] = "",
    behaviour: Annotated[str, typer.Option("--behaviour", help="What it does, such as new-peer.")] = "",
    peer: Annotated[str, typer.Option("--peer", help="Address or network that holds all its peers.")] = "",
    domain: Annotated[str, typer.Option("--domain", help="Domain; *.example.org is that and all below it.")] = "",
    about: Annotated[str, typer.Option("--about", metavar="SERVICE", help="As alerts name it, such as tcp/443.")] = "",
    hours: Annotated[str, typer.Option("--hours", help="Local time, such as 22:00-06:00.")] = "",
    ttl: Annotated[str, typer.Option("--for", metavar="TIME", help="How long: 12h, 7d, never.")] = "7d",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would have hidden in the last 30 days.")
    ] = False,
    service: ServiceOption = HERE,
    token_file: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """Mute alerts for which all that is named holds: open ones at once, and those to come."""
    named = zip(_CONDITIONS, (device, behaviour, peer, domain, about, hours), strict=True)
    body = {**{name: text for name, text in named if text}, "reason": reason, "ttl": ttl}
    answer = ask(service, token_file, "POST", "/rules", json=body, params={"dry_run": dry_run})
    tell(answer, json, _preview(answer) if dry_run else _line(answer))


@rules.command()
def remove(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Identifier of a rule, as list shows it.")],
    service: ServiceOption = HERE,
    token_file: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """Remove a rule: what it hides and is still open is told again."""
    answer = ask(service, token_file, "DELETE", f"/rules/{quote(identifier, safe='')}")
    tell(answer, json, f"removed: {_line(answer)}")


@rules.command()
def check(file: Annotated[Path, typer.Argument(metavar="FILE", help="A file of rules.")]) -> None:
    """Say whether a file of rules can be read, and how many there are in it; no service is asked."""
    from api.mutes.file import rules_in

    count = len(rules_in(file))
    tell({}, json=False, text=f"{file}: {count} rules\n")


def _line(rule: Mapping[str, Any]) -> str:
    from api.moments import shown_time

    named = " ".join(f"{name}={rule[name]}" for name in _CONDITIONS if rule[name])
    end = "never expires" if rule["expires_at"] is None else f"until {shown_time(rule['expires_at'])}"
    end = end if rule["in_force"] else f"expired {shown_time(rule['expires_at'])}"
    last = "" if rule["last_hit"] is None else f", the last at {shown_time(rule['last_hit'])}"
    reason = " ".join(rule["reason"].split())
    return (
        f"{rule['id']}  {named}  {end}  hides {rule['hits']}{last}  by {rule['source'] or rule['author']}: {reason}\n"
    )


def _preview(answer: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{count} {severity}" for severity, count in answer["by_severity"].items())
    return f"would have hidden {answer['alerts']} alerts of the last {answer['days']} days: {counts}\n"
