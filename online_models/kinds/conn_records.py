"""What is read of a conn record: who did what to whom, the keys of its entries, and its numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from ingest.compiled import by_reference
from ingest.records import CONTINUED, DEVICES
from online_models.compile import kernel
from online_models.features.text import GLOBAL, GROUP, LOCAL, Addresses, device_at, ends_of, join, owned
from online_models.measures.time import LONGEST
from online_models.program.machine import Keys

if TYPE_CHECKING:
    from ingest.records import RecordBatch
    from online_models.program.machine import Columns


SMALL = 128.0
"""Bytes that are no size to speak of: what fits into a small packet is all alike."""
SHORT = 1e-3
"""Seconds that are no duration to speak of."""
RETRIES = 60.0
"""Records in a minute that one program makes that tries again after each failure: TCP and resolvers wait a second."""
_PROVIDED = (6 << 16 | 53, 17 << 16 | 53, 17 << 16 | 123)
"""Names and time, as ``protocol << 16 | port``: a network's DHCP names who on the site has them (options 6, 42)."""
NUMBERS = (
    *("answered", "failed", "exchanged", "outcome", "outbound", "lateral", "inbound", "contact", "ping"),
    *("login", "provided", "agreed", "port", "nobody", "continued"),
    *("up", "down", "duration", "size_up", "size_down", "log_duration", "has_duration", "sends"),
)


def read_columns(batch: RecordBatch, ranges: npt.NDArray[np.uint64]) -> Columns:
    """Return the loop's arrays of a conn batch; ``ranges`` from `local_ranges`."""
    read = conn_columns(batch, ranges)
    keys = Keys(read.device)
    service = keys.own(read.device, read.service)
    keys.own(service, read.peer)
    network = keys.own(read.device, read.network)
    keys.join(read.service, read.network)
    keys.plain(read.service)
    keys.join(read.service, read.peer)
    peer = keys.own(read.device, read.peer)
    keys.own(peer, read.service)
    lateral = read.direction == LATERAL
    called_by = Keys(read.device).own(read.peer, read.device)
    keys.plain(np.where(lateral, read.peer, read.device))  # of other records, what is looked up anyway
    keys.plain(np.where(lateral, called_by, network))
    keys.plain(np.where(lateral, peer, network))
    answered, has_duration = read.outcome == ANSWERED, read.duration >= 0.0
    exchanged = answered | ((read.outcome == BROKEN) & (np.minimum(read.up, read.down) > 0.0))
    duration = np.where(has_duration, read.duration, 0.0)
    numbers = {
        "answered": answered,
        "failed": ~answered,
        "exchanged": exchanged,
        "outcome": read.outcome,
        "outbound": read.direction == OUTBOUND,
        "lateral": lateral,
        "inbound": read.direction == INBOUND,
        "contact": read.contact,
        "ping": read.ping & lateral,
        "login": read.login,
        "provided": lateral & np.isin(read.port, _PROVIDED),
        "agreed": read.agreed,
        "port": read.port,
        "nobody": read.nobody,
        "continued": read.continued,
        "up": read.up,
        "down": read.down,
        "duration": duration,
        "size_up": np.log2(SMALL + read.up),
        "size_down": np.log2(SMALL + read.down),
        "log_duration": np.log2(SHORT + duration),
        "has_duration": has_duration,
        "sends": exchanged | (read.up > 0.0),
    }
    return keys.with_numbers(read.ts, read.end, [numbers[name] for name in NUMBERS], read.turned)


def read_context(frame: pl.DataFrame, columns: Columns) -> pl.DataFrame:
    """Return device, peer and target of every row, how the device is known, and whether it was called and answered."""
    turned = pl.lit(pl.Series(columns.turned))
    inbound = columns.numbers[:, NUMBERS.index("inbound")] > 0.0
    is_target = pl.lit(pl.Series(inbound != columns.turned))
    origin, target = pl.col("id.orig_h").fill_null(""), pl.col("id.resp_h").fill_null("")
    port = pl.when(turned).then(pl.col("id.orig_p")).otherwise(pl.col("id.resp_p")).fill_null(0)
    names = device_at(frame, "orig"), device_at(frame, "resp")
    return frame.select(
        pl.when(is_target).then(names[1]).otherwise(names[0]).alias("known_as"),
        pl.when(is_target).then(target).otherwise(origin).alias("device"),
        pl.when(is_target).then(origin).otherwise(target).alias("peer"),
        pl.format("{}/{}", pl.col("proto").fill_null("?"), port).alias("target"),
        pl.lit(pl.Series(inbound)).alias("inbound"),
        pl.lit(pl.Series(columns.numbers[:, NUMBERS.index("answered")] > 0.0)).alias("answered"),
    )


OUTBOUND, INBOUND, LATERAL, TO_GROUP = 0, 1, 2, 3
ANSWERED, NO_REPLY, REFUSED, BROKEN = 0, 1, 2, 3
_OUTCOMES = {
    **dict.fromkeys(("SF", "S1", "S2", "S3", "RSTO", "RSTR"), ANSWERED),
    **dict.fromkeys(("S0", "SH", "RSTOS0"), NO_REPLY),
    "REJ": REFUSED,
    **dict.fromkeys(("RSTRH", "SHR", "OTH"), BROKEN),
}
_PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1}
_TCP, _UDP, _ICMP = 6, 17, 1  # protocol numbers of IANA
_NO_ECHO_REQUEST = [0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 14, 16, 18, *range(129, 138), 143]
"""ICMP types (IANA; those of IPv6 are others) that are errors about a packet, answers, or control of the link (RFC 792,
1256, 4443, 4861, 3810): whoever gets them was not called."""
_DISCOVERY = (67, 137, 547, 1900, 3702, 5353, 5355)
"""UDP ports from which DHCP, NBNS, SSDP, WS-Discovery, mDNS and LLMNR answer who asked a group."""
_FIRST_FREE_PORT = 1024
"""From here on any program may take a port; those below are the system's (RFC 6335, 6)."""
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
_LOGIN_SERVICES = re.compile("(^|,)(ssh|ftp|rdp|rfb|smb|ntlm|krb|krb_tcp|mysql|postgresql|ldap|pop3|imap)(,|$)")
_UNSPECIFIED = ["::", "0.0.0.0"]  # noqa: S104 - as logs have them
_LOGIN_PORTS = (21, 22, 23, 110, 139, 143, 389, 445, 1433, 2323, 3306, 3389, 5432, 5900, 5985, 6379, 8291)


@by_reference
class ConnColumns(NamedTuple):
    """n conn records; hashes are uint64, codes int64, the rest float64, NaN where the log had nothing.

    ``device`` and ``peer`` are the local and the other endpoint; ``up`` and ``down`` are payload bytes sent and
    received by the device, ``login`` tells that the service asks for a password, ``turned`` that the log has originator
    and responder the wrong way round, ``nobody`` that the device has no address yet and so cannot be told from others
    (RFC 2131, 4862), ``contact`` that the device called its peer or was called: groups, errors, answers to what was
    asked of a group, and leases are none. ``ping`` is an ICMP message, ``agreed`` a datagram to a port that any
    program may take; ``port`` tells ports of different protocols apart. ``continued`` tells that the record goes on
    with a connection that was told of before. ``ts`` is when the connection began, ``end`` when it ended (epoch
    seconds).
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
    agreed: npt.NDArray[np.bool_]
    port: npt.NDArray[np.int64]
    continued: npt.NDArray[np.bool_]


@kernel
def _directions(
    origin: npt.NDArray[np.int64],
    target: npt.NDArray[np.int64],
    local_orig: npt.NDArray[np.int64],
    local_resp: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Zeek's local_orig and local_resp are 1 (true), 0 (false) or -1 (unset); true makes a global address local."""
    out = np.empty(origin.size, np.int64)
    for i in range(origin.size):
        from_local = origin[i] != GLOBAL or local_orig[i] == 1
        to_local = target[i] == LOCAL or local_resp[i] == 1
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
    from_port: npt.NDArray[np.int64],
    to_port: npt.NDArray[np.int64],
    direction: npt.NDArray[np.int64],
) -> npt.NDArray[np.uint64]:
    """Hash of direction, protocol and service port; a reply taken for a request is filed under the server's port."""
    out = np.empty(protocol.size, np.uint64)
    for i in range(out.size):
        port, flipped = max(to_port[i], 0), 0
        if port >= 1024 and 0 < from_port[i] < 1024 and protocol[i] != 1:
            port, flipped = from_port[i], 1
        side = 1 if direction[i] == INBOUND else 2 if direction[i] == TO_GROUP else 0
        out[i] = join(np.uint64(side * 2 + flipped), np.uint64(protocol[i] * 65536 + port))
    return out


def _payload(side: str) -> pl.Expr:
    """Payload bytes of one side; what the headers leave where Zeek saw no payload count."""
    without_headers = pl.col(f"{side}_ip_bytes") - 28 * pl.col(f"{side}_pkts")
    return pl.coalesce(f"{side}_bytes", without_headers).clip(0).cast(pl.Float64).fill_null(0.0)


def _code(column: str, table: dict[str, int], default: int) -> pl.Expr:
    return pl.col(column).replace_strict(table, default=default, return_dtype=pl.Int64).fill_null(default)


_READ: Final = {
    "protocol": _code("proto", _PROTOCOLS, 255),
    "outcome": _code("conn_state", _OUTCOMES, BROKEN),
    "from_port": pl.col("id.orig_p").cast(pl.Int64).fill_null(-1),
    "to_port": pl.col("id.resp_p").cast(pl.Int64).fill_null(-1),
    "from_local": pl.col("local_orig").cast(pl.Int64).fill_null(-1),
    "to_local": pl.col("local_resp").cast(pl.Int64).fill_null(-1),
    "ts": pl.col("ts").cast(pl.Float64).fill_null(0.0),
    "duration": pl.col("duration").cast(pl.Float64).fill_null(np.nan),
    "sent": _payload("orig"),
    "received": _payload("resp"),
    "nobody": pl.col("id.orig_h").is_in(_UNSPECIFIED).fill_null(value=False),
}
"""All that is read of a frame, in one query: one costs as much as a few hundred records."""


def _read(frame: pl.DataFrame) -> dict[str, npt.NDArray[Any]]:
    return {column.name: owned(column.to_numpy()) for column in frame.select(**_READ)}


def _are_logins(services: pl.Series) -> npt.NDArray[np.bool_]:
    """Tell where the sensor has seen a protocol that asks for a password, on whichever port."""
    logins = [one for one in services.unique() if one and _LOGIN_SERVICES.search(one)]
    if not logins:
        return np.zeros(len(services), np.bool_)
    return owned(services.is_in(logins).fill_null(value=False).to_numpy())


def _turned(frame: pl.DataFrame, read: dict[str, npt.NDArray[Any]]) -> npt.NDArray[np.bool_]:
    """Tell which records are the rest of a connection whose beginning the sensor missed, and run the other way.

    Zeek takes the sender of the first packet that it sees for the originator. A TCP record whose history has no
    handshake (S, H) and that Zeek did not turn round itself (^) began before; then the lower port is the server's.
    """
    origin, turned = read["from_port"], np.zeros(frame.height, np.bool_)
    rows = np.flatnonzero((read["protocol"] == _TCP) & (origin < read["to_port"]) & (origin > 0))
    if rows.size > 0:
        turned[rows] = frame["history"][rows].str.contains(r"^[^SsHh^]+$").fill_null(value=False).to_numpy()
    return turned


def _turned_round(frame: pl.DataFrame, turned: npt.NDArray[np.bool_]) -> pl.DataFrame:
    """Exchange originator and responder of the records that run the other way."""
    where = pl.lit(pl.Series(turned))
    return frame.with_columns(
        pl.when(where).then(pl.col(theirs)).otherwise(pl.col(ours)).alias(ours)
        for side in _SIDES
        if side[0] in frame.columns
        for ours, theirs in (side, side[::-1])
    )


def _contacts(read: dict[str, npt.NDArray[Any]], direction: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Tell which records are a contact of their device with one other endpoint."""
    protocols, origin, target = read["protocol"], read["from_port"], read["to_port"]
    is_udp = (protocols == _UDP) & (direction == LATERAL)
    none = (direction == TO_GROUP) | ((protocols == _ICMP) & np.isin(origin, _NO_ECHO_REQUEST))
    none |= is_udp & np.isin(origin, _DISCOVERY)
    for client, server in _LEASING:
        none |= is_udp & (origin == client) & (target == server)
    contact: npt.NDArray[np.bool_] = ~none
    return contact


def conn_columns(batch: RecordBatch, ranges: npt.NDArray[np.uint64]) -> ConnColumns:
    """Return the arrays of a conn batch; ``ranges`` from `local_ranges`."""
    read = _read(batch.frame)
    frame, turned = batch.frame, _turned(batch.frame, read)
    if turned.any():
        frame = _turned_round(frame, turned)
        read = _read(frame)
    origin, target = ends_of(frame, "orig", ranges), ends_of(frame, "resp", ranges)
    direction = _directions(origin.scope, target.scope, read["from_local"], read["to_local"])
    inbound = direction == INBOUND
    device, peer = _endpoints(inbound, origin, target)
    ts, duration, sent, received = (read[name] for name in ("ts", "duration", "sent", "received"))
    return ConnColumns(
        ts=ts,
        end=ts + np.clip(np.nan_to_num(duration), 0.0, LONGEST),
        device=device,
        peer=peer,
        network=np.where(inbound, origin.network, target.network),
        service=_services(read["protocol"], read["from_port"], read["to_port"], direction),
        direction=direction,
        outcome=read["outcome"],
        duration=duration,
        up=np.where(inbound, received, sent),
        down=np.where(inbound, sent, received),
        login=np.isin(read["to_port"], _LOGIN_PORTS) | _are_logins(frame["service"]),
        turned=turned,
        nobody=read["nobody"],
        contact=_contacts(read, direction),
        ping=read["protocol"] == _ICMP,
        port=read["protocol"] * 65536 + np.maximum(read["to_port"], 0),
        agreed=(read["protocol"] == _UDP) & (read["to_port"] >= _FIRST_FREE_PORT),
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
