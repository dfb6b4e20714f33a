"""What of logins is settled before the service listens: whether there is one, and the first token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api.errors import SettingsError, StateError
from api.settings import default_state_directory, setting_names
from api.state.access import AccessDatabase, Deed
from api.state.access.audit import AuditLog
from api.state.access.tokens import TokenStore
from api.state.directory import StateDirectory
from ingest.follow.staged import StagedFile

if TYPE_CHECKING:
    from pathlib import Path

    from api.settings import Settings

_FIRST = "first"


def has_login(settings: Settings) -> bool:
    """Whether whoever connects will have to log in.

    Raises
    ------
    SettingsError
        If a header is to name who has logged in, and no proxy is trusted to send it.
    StateError
        If the store of tokens cannot be read.
    """
    server, traffic = settings.server, settings.traffic
    if server.login_header and not server.trusted_proxies:
        raise SettingsError(f"login_header: no proxy may send it; {setting_names('SocketIOConfig', 'trusted_proxies')}")
    if server.login_header or server.first_token is not None:
        return True
    state = traffic.state or (default_state_directory(traffic.logs) if traffic.logs else None)
    path = StateDirectory(state).access if state else None
    if path is None or not path.exists():
        return False
    database = AccessDatabase(path)
    try:
        return TokenStore(database).exist()
    finally:
        database.close()


def make_first_token(file: Path | None, store: Path) -> None:
    """Write a first admin token to a file that only its owner reads, unless there is a token or no file was named.

    Raises
    ------
    StateError
        If the file cannot be written; there is no token then.
    """
    if file is None:
        return
    database = AccessDatabase(store)
    try:
        tokens = TokenStore(database)
        if not tokens.exist():
            tokens.create(_FIRST, ["admin"], by="start", hand_over=lambda text: _write(file, text))
            AuditLog(database).add(Deed("start", "first token", f"{_FIRST}: admin"))
    except OSError as error:
        raise StateError(f"first_token {file}: {error.strerror}; name a file that can be written") from error
    finally:
        database.close()


def _write(file: Path, text: str) -> None:
    file.with_suffix(".new").unlink(missing_ok=True)  # whoever made that could read what is written into it
    StagedFile(file, [f"{text}\n".encode()]).commit()
