"""CEF, ArcSight's Common Event Format, version 0: a header of seven fields, then keys and values, all on one line.

Source: "Implementing ArcSight Common Event Format (CEF)", version 25. In the header a pipe and a backslash are escaped,
in values an equals sign and a backslash. Log content has no say in either, and none of its control characters is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api.sinks.text import one_line
from api.sinks.times import epoch_ms
from api.state.store.rows import SEVERITIES
from api.version import package_version

if TYPE_CHECKING:
    from api.sinks.protocol import Notice

_SEVERITY: Final = dict(zip(SEVERITIES, (3, 5, 8, 10), strict=True))
"""CEF: 0 to 3 is low, 4 to 6 medium, 7 and 8 high, 9 and 10 very high."""
_LONGEST: Final = 1023
"""Characters that CEF allows in ``msg`` and ``cs1`` to ``cs6``, at least."""


def cef(notice: Notice) -> str:
    """Return the notice as one line."""
    alert = notice.alert
    header = ("CEF:0", "NetworksecurityLabs", "nslabs", package_version(), alert.behaviour, alert.behaviour)
    start = "|".join([header[0], *map(_in_header, header[1:]), str(_SEVERITY[alert.severity])])
    return f"{start}|{' '.join(f'{key}={_in_value(value)}' for key, value in _extension(notice).items() if value)}"


def _extension(notice: Notice) -> dict[str, str]:
    alert, owner = notice.alert, notice.owner
    peer = alert.peers[0] if alert.peers else ""
    return {
        "externalId": alert.id,
        "act": notice.event,
        "rt": str(epoch_ms(notice.at)),
        "start": str(epoch_ms(alert.first_ts)),
        "end": str(epoch_ms(alert.last_ts)),
        **_address("src", "c6a2", alert.device),
        "smac": (owner and owner.mac) or "",
        "shost": (owner and owner.name) or "",
        **_address("dst", "c6a3", peer),
        "cnt": str(alert.count),
        "msg": alert.sentence,
        "outcome": alert.status,
        "cs1Label": "technique" if alert.technique else "",
        "cs1": alert.technique or "",
        "cs2Label": "incident" if alert.incident else "",
        "cs2": alert.incident,
        "cs3Label": "site",
        "cs3": alert.site,
        "cs4Label": "log",
        "cs4": alert.log,
        "cs5Label": "link" if notice.link else "",
        "cs5": notice.link,
        "cfp1Label": "score",
        "cfp1": f"{alert.score:.4f}",
    }


def _address(four: str, six: str, address: str) -> dict[str, str]:
    """Return an address in the field that CEF has for its family; what is no address is a host's name."""
    if ":" in address:
        return {f"{six}Label": "Source IPv6 Address" if four == "src" else "Destination IPv6 Address", six: address}
    if address and address.replace(".", "").isdigit():
        return {four: address}
    return {f"{four[0]}host": address}


def _in_header(text: str) -> str:
    return one_line(text).replace("\\", "\\\\").replace("|", "\\|")


def _in_value(text: str) -> str:
    return one_line(text)[:_LONGEST].replace("\\", "\\\\").replace("=", "\\=")
