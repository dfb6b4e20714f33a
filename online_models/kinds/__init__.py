"""The log kinds that have a model: one declaration a file, and this list of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from online_models.kinds.conn import CONN
from online_models.kinds.dns import DNS
from online_models.kinds.http import HTTP
from online_models.kinds.mqtt import MQTT
from online_models.kinds.ssl import SSL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from online_models.kinds.kind import Kind

KINDS: Final[Mapping[str, Kind]] = {kind.name: kind for kind in (CONN, DNS, HTTP, SSL, *MQTT)}
"""By the log's name, in the order in which they are told of."""
