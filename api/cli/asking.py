"""How commands ask a running service: over HTTP, with a token where one is needed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.harmless import harmless
from api.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

ServiceOption = Annotated[str, typer.Option("--service", metavar="URL", help="Where nslabs run serves.")]
TokenOption = Annotated[Path | None, typer.Option("--token-file", metavar="FILE", help="File with a token.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
HERE = "http://127.0.0.1:8000"


def tell(answer: Mapping[str, Any], json: bool, text: str) -> None:
    """Print an answer: the text, without what could control a terminal, or all of it as one JSON line."""
    import orjson

    if json:
        sys.stdout.write(orjson.dumps(answer).decode() + "\n")
    else:
        sys.stdout.writelines(f"{harmless(line)}\n" for line in text.splitlines())


def ask(service: str, token_file: Path | None, method: str, path: str, **given: Any) -> dict[str, Any]:
    """Return the service's answer to a request.

    Raises
    ------
    SettingsError
        If it does not answer, or refuses; the message is the service's own.
    """
    import httpx2

    headers = {}
    if token_file is not None:
        try:
            headers = {"authorization": f"Bearer {token_file.read_text(encoding='utf-8').strip()}"}
        except OSError as error:
            raise SettingsError(f"--token-file {token_file}: {error.strerror}") from error
    try:
        answer = httpx2.request(method, service.rstrip("/") + path, headers=headers, timeout=10, **given)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise SettingsError(f"--service {service}: {error}; is nslabs run there?") from error
    if not answer.is_success:
        raise SettingsError(_problem(answer))
    body: dict[str, Any] = answer.json()
    return body


def _problem(answer: Any) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{answer.url} answered {answer.status_code}"
