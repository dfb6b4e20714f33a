"""`nslabs decisions`: what a running service blocks, and what a person does about it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from api.cli.asking import HERE, JsonOption, ServiceOption, TokenOption, ask, tell
from api.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

decisions = typer.Typer(
    name="decisions", help="List, add, extend, revoke and explain what a running service blocks.", no_args_is_help=True
)

ReasonOption = Annotated[str, typer.Option("--reason", help="Why; kept in the history.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Identifier of a decision, as list shows it.")]
TtlOption = Annotated[str, typer.Option("--for", metavar="TIME", help="How long: 10m, 24h, 7d.")]


@decisions.command("list")
def list_decisions(
    service: ServiceOption = HERE,
    token_file: TokenOption = None,
    every: Annotated[bool, typer.Option("--all", help="Also those that have ended or were refused.")] = False,
    json: JsonOption = False,
) -> None:
    """List the decisions that stand."""
    states = [] if every else [("state", name) for name in ("observed", "suggested", "active")]
    answer = ask(service, token_file, "GET", "/decisions", params=[*states, ("limit", "1000")])
    lines = [_line(one) for one in answer["decisions"]]
    tell(answer, json, "".join(lines) or "nothing stands\n")


@decisions.command()
def add(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="device, peer, pair or domain.")],
    what: Annotated[list[str], typer.Argument(metavar="WHAT...", help="Device, peer or domain; of a pair both.")],
    ttl: TtlOption = "10m",
    action: Annotated[str, typer.Option("--action", help="block, quarantine or rate-limit.")] = "block",
    reason: ReasonOption = "",
    service: ServiceOption = HERE,
    token_file: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """Block something now."""
    names = {"pair": ("device", "peer")}.get(kind, (kind,))
    if len(what) != len(names):
        raise SettingsError(f"expected {' and '.join(names)} behind {kind}, found {len(what)} words")
    body = {"kind": kind, **dict(zip(names, what, strict=True)), "ttl": ttl, "action": action, "reason": reason}
    answer = ask(service, token_file, "POST", "/decisions", json=body)
    tell(answer, json, _line(answer))


@decisions.command()
def extend(
    identifier: IdArgument,
    ttl: TtlOption = "1h",
    reason: ReasonOption = "",
    service: ServiceOption = HERE,
    token_file: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """Have a block end so long from now."""
    answer = ask(
        service,
        token_file,
        "POST",
        f"/decisions/{quote(identifier, safe='')}/extend",
        json={"ttl": ttl, "reason": reason},
    )
    tell(answer, json, _line(answer))


@decisions.command()
def confirm(
    identifier: IdArgument, service: ServiceOption = HERE, token_file: TokenOption = None, json: JsonOption = False
) -> None:
    """Carry out what was suggested."""
    answer = ask(service, token_file, "POST", f"/decisions/{quote(identifier, safe='')}/confirm")
    tell(answer, json, _line(answer))


@decisions.command()
def revoke(
    identifier: IdArgument,
    reason: ReasonOption = "revoked",
    service: ServiceOption = HERE,
    token_file: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """Take a decision back."""
    answer = ask(
        service, token_file, "POST", f"/decisions/{quote(identifier, safe='')}/revoke", json={"reason": reason}
    )
    tell(answer, json, _line(answer))


@decisions.command()
def flush(service: ServiceOption = HERE, token_file: TokenOption = None, json: JsonOption = False) -> None:
    """Take everything back, everywhere, and only observe until `resume`."""
    answer = ask(service, token_file, "POST", "/decisions/flush")
    tell(answer, json, f"{answer['revoked']} decisions revoked; from now on prevention only observes\n")


@decisions.command()
def resume(service: ServiceOption = HERE, token_file: TokenOption = None, json: JsonOption = False) -> None:
    """Let the policy's modes hold again after a flush."""
    tell(ask(service, token_file, "POST", "/decisions/resume"), json, "the policy's modes hold again\n")


@decisions.command()
def explain(
    what: Annotated[str, typer.Argument(metavar="ADDRESS", help="Address, prefix, MAC or domain.")],
    service: ServiceOption = HERE,
    token_file: TokenOption = None,
    json: JsonOption = False,
) -> None:
    """Say whether something is blocked, by what, or why it never would be."""
    answer = ask(service, token_file, "GET", "/decisions/explain", params={"what": what})
    lines = [f"{what}: {'blocked' if answer['blocked'] else 'not blocked'}\n"]
    if answer["protected"]:
        lines.append(f"never blocked: {answer['protected']}\n")
    lines += [_line(one) + f"    {one['sentence']}\n" for one in answer["standing"]]
    lines += [f"earlier: {_line(one)}" for one in answer["earlier"]]
    tell(answer, json, "".join(lines))


def _line(decision: Mapping[str, Any]) -> str:
    until = datetime.fromtimestamp(decision["until"]).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    what = " with ".join(decision[part] for part in ("device", "peer", "domain") if decision[part])
    by = decision["rule"] and f"rule {decision['rule']}"
    parts = (decision["id"], decision["state"], decision["action"], what, f"until {until}", by or decision["by_whom"])
    return "  ".join(parts) + "\n"
