"""`nslabs token`: who may use the service. A running service follows at once."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.options import ConfigOption, StateOption, settings_and_state
from api.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api.state.access import AccessDatabase, Token

token = typer.Typer(
    name="token",
    help="Make, list and revoke the tokens by which programs and people use the service.",
    no_args_is_help=True,
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON line instead of text.")]
ScopeOption = Annotated[
    list[str],
    typer.Option(
        "--scope",
        metavar="SCOPE",
        help="read (see), train (teach the models), respond (answer alerts, act on devices), admin (all). Repeatable.",
    ),
]
ExpiresOption = Annotated[
    str | None, typer.Option("--expires", metavar="WHEN", help="90d, 12h, 2027-01-01; without it, never.")
]


@token.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose it is, or what for; the audit log shows it.")],
    scope: ScopeOption,
    expires: ExpiresOption = None,
    state: StateOption = None,
    config: ConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Make a token and print it; it is stored nowhere, and cannot be shown again."""
    from dataclasses import asdict

    from api.state.access import TokenStore

    end = None if expires is None else _end(expires)
    with opened(state, config) as database:
        made, text = TokenStore(database).create(name, scope, end, by=user_of_host())
        _note(database, "nslabs token create", f"{_named(made)}: {', '.join(made.scopes)}")
    if json:
        _write_json({**asdict(made), "token": text})
    else:
        sys.stdout.write(text + "\n")
        sys.stderr.write(f"nslabs: token {made.name} ({', '.join(made.scopes)}); this is the only time it is shown\n")


@token.command("list")
def list_tokens(state: StateOption = None, config: ConfigOption = None, json: JsonOption = False) -> None:
    """List all tokens, oldest first, also those that no longer count."""
    from dataclasses import asdict

    from api.state.access import TokenStore

    with opened(state, config) as database:
        tokens = TokenStore(database).all()
    if json:
        _write_json([asdict(one) for one in tokens])
    else:
        sys.stdout.write("".join(map(_line, tokens)) or "no tokens yet; nslabs token create NAME --scope read\n")


@token.command()
def revoke(
    which: Annotated[str, typer.Argument(metavar="NAME", help="Name or identifier of the token.")],
    state: StateOption = None,
    config: ConfigOption = None,
) -> None:
    """Revoke a token; its sessions and open streams end at once."""
    from api.state.access import TokenStore

    with opened(state, config) as database:
        revoked = TokenStore(database).revoke(which)
        _note(database, "nslabs token revoke", _named(revoked))
    sys.stdout.write(f"token {_named(revoked)} is revoked\n")


def _end(expires: str) -> float:
    from api.moments import parse_end

    try:
        return parse_end(expires, time.time())
    except ValueError as error:
        raise SettingsError(f"--expires: {error}") from error


def user_of_host() -> str:
    """Return the name of whoever runs the command."""
    import os
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user need not have a name
        return f"uid {os.getuid()}"


@contextmanager
def opened(state: Any, config: Any) -> Iterator[AccessDatabase]:
    """Open the store of tokens; a service may be running on it, or may yet have to start."""
    from api.state.access import AccessDatabase
    from api.state.directory import StateDirectory

    _, path = settings_and_state(config, state)
    database = AccessDatabase(StateDirectory(path).access)
    try:
        yield database
    finally:
        database.close()


def _note(database: AccessDatabase, action: str, what: str) -> None:
    from api.state.access import AuditLog, Deed

    AuditLog(database).add(Deed(user_of_host(), action, what))


def _named(token: Token) -> str:
    return f"{token.name} ({token.id})"


def _line(token: Token) -> str:
    from api.moments import shown_time

    now = time.time()
    state = "revoked" if token.revoked_at is not None else "counts" if token.counts(now) else "expired"
    end = "never" if token.expires_at is None else shown_time(token.expires_at)
    used = "never" if token.used_at is None else shown_time(token.used_at)
    return (
        f"{token.id}  {token.name:<20}  {state:<7}  {','.join(token.scopes):<24}  made {shown_time(token.created_at)}"
        f"  expires {end}  used {used}\n"
    )


def _write_json(value: Any) -> None:
    import orjson

    sys.stdout.write(orjson.dumps(value).decode() + "\n")
