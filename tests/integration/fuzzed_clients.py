"""Hooks of schemathesis, loaded by its own process: each request comes from another client, as behind a proxy.

It shows a wrong token on every route. From one address these were soon too many, and told to wait (429, RFC 6585, 4),
whereas its check of the login wants to see each of them refused for what it is.
"""

from __future__ import annotations

import ipaddress
import itertools
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from requests import PreparedRequest

_ADDRESSES = itertools.count(int(ipaddress.IPv4Address("198.18.0.1")))  # RFC 2544


def _name_client(_: HTTPAdapter, request: PreparedRequest, **__: Any) -> None:
    request.headers["X-Forwarded-For"] = str(ipaddress.IPv4Address(next(_ADDRESSES)))


# Hooks of schemathesis itself see no request of its check of the login. This method is there to be replaced.
HTTPAdapter.add_headers = _name_client  # type: ignore[method-assign]
