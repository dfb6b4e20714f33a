"""A conn frame as flat arrays: what the conn kernels read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from ingest.compiled.references import by_reference
from ingest.records import CONTINUED, DEVICES
from online_models.compile import kernel
from online_models.features.address import GLOBAL, GROUP, LOCAL, Addresses, ends_of
from online_models.features.text import join, owned
from online_models.measures.time import LONGEST

if TYPE_CHECKING:
    from ingest.records import RecordBatch

OUTBOUND, INBOUND, LATERAL, TO_GROUP = 0, 1, 2, 3
ANSWERED, NO_REPLY, REFUSED, BROKEN = 0, 1, 2, 3
_OUTCOMES = {
    **dict.fromkeys(("SF", "S1", "S2", "S3", "RSTO", "RSTR"), ANSWERED),
    **dict.fromkeys(("S0", "SH", "RSTOS0"), NO_REPLY),
    "REJ": REFUSED,
    **dict.fromkeys(("RSTRH", "SHR", "OTH"), BROKEN),
}
_PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1}
_TCP, _UDP, _ICMP = 6, 17, 1
_NO_ECHO_REQUEST = [0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 14, 16, 18, *range(129, 138), 143]
"""ICMP types (IANA; those of IPv6 are others) that are errors about a packet, answers, or control of the link (RFC 792,
1256, 4443, 4861, 3810): whoever gets them was not called."""
_DISCOVERY = (67, 137, 547, 1900, 3702, 5353, 5355)
"""UDP ports from which DHCP, NBNS, SSDP, WS-Discovery, mDNS and LLMNR answer who asked a group."""
_LEASING = ((68, 67), (546, 547))
_SIDES = (
    ("id.orig_h", "id.resp_h"),
    ("id.orig_p", "id.resp_p"),
    ("orig_bytes", "resp_bytes"),
    ("orig_pkts", "resp_pkts"),
    ("orig_ip_bytes", "resp_ip_bytes"),
    ("local_orig", "local_resp"),
    DEVICES,
)
_LOGIN_SERVICES = "(^|,)(ssh|ftp|rdp|rfb|smb|ntlm|krb|krb_tcp|mysql|postgresql|ldap|pop3|imap)(,|$)"
_UNSPECIFIED = ["::", "0.0.0.0"]  # noqa: S104 - as logs have them
_LOGIN_PORTS = (21, 22, 23, 110, 139, 143, 389, 445, 1433, 2323, 3306, 3389, 5432, 5900, 5985, 6379, 8291)


@by_reference
class ConnColumns(NamedTuple):
    """n conn records; hashes are uint64, codes int64, the rest float64, NaN where the log had nothing.

    ``device`` and ``peer`` are the local and the other endpoint; ``up`` and ``down`` are payload bytes sent and
    received by the device, ``login`` tells that the service asks for a password, ``turned`` that the log has originator
    and responder the wrong way round, ``nobody`` that the device has no address yet and so cannot be told from others
    (RFC 2131, 4862), ``contact`` that the device called its peer or was called: groups, errors, answers to what was
    asked of a group, and leases are none. ``ping`` is an ICMP message. ``continued`` tells that the record goes on with
    a connection that was told of before. ``ts`` is when the connection began, ``end`` when it ended (epoch seconds).
    """

    ts: npt.NDArray[np.float64]
    end: npt.NDArray[np.float64]
    device: npt.NDArray[np.uint64]
    peer: npt.NDArray[np.uint64]
    network: npt.NDArray[np.uint64]
    service: npt.NDArray[np.uint64]
    direction: npt.NDArray[np.int64]
    outcome: npt.NDArray[np.int64]
    duration: npt.NDArray[np.float64]
    up: npt.NDArray[np.float64]
    down: npt.NDArray[np.float64]
    login: npt.NDArray[np.bool_]
    turned: npt.NDArray[np.bool_]
    nobody: npt.NDArray[np.bool_]
    contact: npt.NDArray[np.bool_]
    ping: npt.NDArray[np.bool_]
    continued: npt.NDArray[np.bool_]


@kernel
def _directions(
    origin: npt.NDArray[np.int64], target: npt.NDArray[np.int64], hints: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """``hints`` are Zeek's local_orig and local_resp: 1 true, 0 false, -1 unset; true makes a global address local."""
    out = np.empty(origin.size, np.int64)
    for i in range(origin.size):
        from_local = origin[i] != GLOBAL or hints[i, 0] == 1
        to_local = target[i] == LOCAL or hints[i, 1] == 1
        if target[i] == GROUP:
            out[i] = TO_GROUP
        elif from_local:
            out[i] = LATERAL if to_local else OUTBOUND
        else:
            out[i] = INBOUND if to_local else OUTBOUND
    return out


@kernel
def _services(
    protocol: npt.NDArray[np.int64],
    ports: npt.NDArray[np.int64],
    direction: npt.NDArray[np.int64],
) -> npt.NDArray[np.uint64]:
    """Hash of direction, protocol and service port; a reply taken for a request is filed under the server's port."""
    out = np.empty(protocol.size, np.uint64)
    for i in range(out.size):
        port, flipped = ports[i, 1], 0
        if port >= 1024 and 0 < ports[i, 0] < 1024 and protocol[i] != 1:
            port, flipped = ports[i, 0], 1
        side = 1 if direction[i] == INBOUND else 2 if direction[i] == TO_GROUP else 0
        out[i] = join(np.uint64(side * 2 + flipped), np.uint64(protocol[i] * 65536 + port))
    return out


def _numbers(column: pl.Series, missing: float = np.nan) -> npt.NDArray[np.float64]:
    return owned(column.cast(pl.Float64).fill_null(missing).to_numpy())


def _payload(frame: pl.DataFrame, side: str) -> npt.NDArray[np.float64]:
    """Payload bytes of one side; what the headers leave where Zeek saw no payload count."""
    without_headers = pl.col(f"{side}_ip_bytes") - 28 * pl.col(f"{side}_pkts")
    return _numbers(frame.select(pl.coalesce(f"{side}_bytes", without_headers).clip(0)).to_series(), 0.0)


def _hints(frame: pl.DataFrame) -> npt.NDArray[np.int64]:
    flags = frame.select(pl.col("local_orig", "local_resp").cast(pl.Int64).fill_null(-1))
    return owned(flags.to_numpy())


def _codes(column: pl.Series, table: dict[str, int], default: int) -> npt.NDArray[np.int64]:
    return owned(column.replace_strict(table, default=default, return_dtype=pl.Int64).fill_null(default).to_numpy())


def _ports(frame: pl.DataFrame) -> npt.NDArray[np.int64]:
    return owned(frame.select(pl.col("id.orig_p", "id.resp_p").cast(pl.Int64).fill_null(0)).to_numpy())


def _are_logins(services: pl.Series) -> npt.NDArray[np.bool_]:
    """Tell where the sensor has seen a protocol that asks for a password, on whichever port."""
    few = services.unique()
    return owned(
        services.is_in(few.filter(few.str.contains(_LOGIN_SERVICES)).implode()).fill_null(value=False).to_numpy()
    )


def _turned(frame: pl.DataFrame, protocols: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Tell which records are the rest of a connection whose beginning the sensor missed, and run the other way.

    Zeek takes the sender of the first packet that it sees for the originator. A TCP record whose history has no
    handshake (S, H) and that Zeek did not turn round itself (^) began before; then the lower port is the server's.
    """
    ports, turned = _ports(frame), np.zeros(frame.height, np.bool_)
    rows = np.flatnonzero((protocols == _TCP) & (ports[:, 0] < ports[:, 1]) & (ports[:, 0] > 0))
    if rows.size > 0:
        turned[rows] = frame["history"][rows].str.contains(r"^[^SsHh^]+$").fill_null(value=False).to_numpy()
    return turned


def _turned_round(frame: pl.DataFrame, turned: npt.NDArray[np.bool_]) -> pl.DataFrame:
    """Exchange originator and responder of the records that run the other way."""
    if not turned.any():
        return frame
    where = pl.lit(pl.Series(turned))
    return frame.with_columns(
        pl.when(where).then(pl.col(theirs)).otherwise(pl.col(ours)).alias(ours)
        for side in _SIDES
        if side[0] in frame.columns
        for ours, theirs in (side, side[::-1])
    )


def _protocols(column: pl.Series) -> npt.NDArray[np.int64]:
    return _codes(column, _PROTOCOLS, 255)


def _contacts(
    frame: pl.DataFrame, protocols: npt.NDArray[np.int64], direction: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Tell which records are a contact of their device with one other endpoint."""
    contact: npt.NDArray[np.bool_] = direction != TO_GROUP
    rows = np.flatnonzero(contact & (protocols != _TCP))
    if rows.size:
        ports = frame.select(pl.col("id.orig_p", "id.resp_p").cast(pl.Int64).fill_null(-1))[rows].to_numpy()
        is_udp = (protocols[rows] == _UDP) & (direction[rows] == LATERAL)
        none = (protocols[rows] == _ICMP) & np.isin(ports[:, 0], _NO_ECHO_REQUEST)
        none |= is_udp & np.isin(ports[:, 0], _DISCOVERY)
        for pair in _LEASING:
            none |= is_udp & (ports == pair).all(axis=1)
        contact[rows[none]] = False
    return contact


def conn_columns(batch: RecordBatch, ranges: npt.NDArray[np.uint64]) -> ConnColumns:
    """Return the arrays of a conn batch; ``ranges`` from `local_ranges`."""
    protocols = _protocols(batch.frame["proto"])
    turned = _turned(batch.frame, protocols)
    frame = _turned_round(batch.frame, turned)
    origin, target = ends_of(frame, "orig", ranges), ends_of(frame, "resp", ranges)
    direction = _directions(origin.scope, target.scope, _hints(frame))
    inbound = direction == INBOUND
    device, peer = _endpoints(inbound, origin, target)
    ports = _ports(frame)
    ts, duration = _numbers(frame["ts"], 0.0), _numbers(frame["duration"])
    sent, received = _payload(frame, "orig"), _payload(frame, "resp")
    return ConnColumns(
        ts=ts,
        end=ts + np.clip(np.nan_to_num(duration), 0.0, LONGEST),
        device=device,
        peer=peer,
        network=np.where(inbound, origin.network, target.network),
        service=_services(protocols, ports, direction),
        direction=direction,
        outcome=_codes(frame["conn_state"], _OUTCOMES, BROKEN),
        duration=duration,
        up=np.where(inbound, received, sent),
        down=np.where(inbound, sent, received),
        login=np.isin(ports[:, 1], _LOGIN_PORTS) | _are_logins(frame["service"]),
        turned=turned,
        nobody=owned(frame["id.orig_h"].is_in(_UNSPECIFIED).fill_null(value=False).to_numpy()),
        contact=_contacts(frame, protocols, direction),
        ping=protocols == _ICMP,
        continued=_continued(frame),
    )


def _continued(frame: pl.DataFrame) -> npt.NDArray[np.bool_]:
    if CONTINUED not in frame.columns:
        return np.zeros(frame.height, np.bool_)
    return owned(frame[CONTINUED].fill_null(value=False).to_numpy())


def _endpoints(
    inbound: npt.NDArray[np.bool_], origin: Addresses, target: Addresses
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    return np.where(inbound, target.key, origin.key), np.where(inbound, origin.key, target.key)
