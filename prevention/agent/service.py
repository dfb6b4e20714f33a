"""The service, as an enforcer process sees it: what is wanted, and who is told how enforcers stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import httpx2

from prevention.blocks import from_json
from prevention.errors import EnforcerError, EnforcerSetupError

if TYPE_CHECKING:
    from pathlib import Path

    from prevention.blocks import WantedBlocks

_WAIT_S: Final = 2.0
"""How long the service may keep us waiting for news: reports are sent in between."""
_TIMEOUT_S: Final = 5.0


class ServiceClient:
    """Asks the service over loopback."""

    def __init__(self, url: str, token_file: Path | None) -> None:
        self._url = url.rstrip("/")
        self._token_file = token_file
        self._client = httpx2.Client(base_url=self._url, timeout=_TIMEOUT_S)

    def wanted(self, known: int, wait_s: float = _WAIT_S) -> WantedBlocks:
        """Return what is wanted, as soon as its revision is not the known one.

        Raises
        ------
        EnforcerError
            If the service does not answer, or not with that.
        """
        answer = self._ask("GET", "/decisions/wanted", params={"revision": known, "wait_s": wait_s})
        return from_json(answer.content)

    def report(self, body: dict[str, Any]) -> None:
        """Tell how enforcers stand.

        Raises
        ------
        EnforcerError
            If the service does not take it.
        """
        self._ask("POST", "/decisions/enforcers", json=body)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _ask(self, method: str, path: str, **given: Any) -> httpx2.Response:
        try:
            answer = self._client.request(method, path, headers=self._headers(), **given)
        except httpx2.HTTPError as error:
            raise EnforcerError(f"service {self._url}: {error or type(error).__name__}") from error
        if not answer.is_success:
            raise EnforcerError(f"service {self._url}: {method} {path} answered {answer.status_code}")
        return answer

    def _headers(self) -> dict[str, str]:
        """Return the token, read anew each time: it may be replaced while we run."""
        if self._token_file is None:
            return {}
        try:
            return {"authorization": f"Bearer {self._token_file.read_text(encoding='utf-8').strip()}"}
        except OSError as error:
            raise EnforcerSetupError(f"token_file {self._token_file}: {error.strerror}") from error
