"""What can go wrong between a program and the service."""

from __future__ import annotations

import json
from typing import Any


class ClientError(Exception):
    """Base of what the client raises on purpose."""


class ApiError(ClientError):
    """The service refused a request, or a stream.

    Attributes
    ----------
    status, code, detail
        HTTP status, code for programs, and sentence for people.
    retry_after_s
        Seconds after which it can be tried again, if the service says so.
    """

    def __init__(self, status: int, code: str, detail: str, retry_after_s: float | None = None) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status, self.code, self.detail, self.retry_after_s = status, code, detail, retry_after_s


def api_error(status: int, body: bytes, retry_after: str | None) -> ApiError:
    """Return the error for an answer; whatever stands in between may have made it, so its body may be anything."""
    said: Any = {}
    try:
        said = json.loads(body)
    except ValueError:
        said = {}
    known = said if isinstance(said, dict) else {}
    code, detail = str(known.get("code", "http_error")), str(known.get("detail", body[:200].decode(errors="replace")))
    seconds = float(retry_after) if retry_after is not None and retry_after.isdecimal() else None
    return ApiError(status, code, detail, seconds)
