"""Writes a conn.log of any number of devices, each with ten peers of its own, fast enough to benchmark with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

PEERS_EACH = 10
_AT_ONCE = 250_000
_BEGAN = 1_767_571_200.0
_SERVICES = ((443, "tcp", "ssl"), (443, "tcp", "ssl"), (8883, "tcp", "ssl"), (80, "tcp", "http"), (123, "udp", "ntp"))
_NAMES_AND_TYPES = """
    ts time, uid string, id.orig_h addr, id.orig_p port, id.resp_h addr, id.resp_p port, proto enum, service string,
    duration interval, orig_bytes count, resp_bytes count, conn_state string, local_orig bool, local_resp bool,
    missed_bytes count, history string, orig_pkts count, orig_ip_bytes count, resp_pkts count, resp_ip_bytes count,
    tunnel_parents set[string], orig_l2_addr string, resp_l2_addr string
"""
_FIELDS = dict(field.split() for field in _NAMES_AND_TYPES.split(","))


@dataclass(frozen=True, slots=True)
class Site:
    """A site whose devices write so many records a second together; with or without MACs in the log."""

    devices: int
    records_per_s: float
    with_macs: bool = True


def write_log(path: Path, site: Site, records: int, seed: int = 1) -> None:
    """Write a finished conn.log in Zeek's TSV."""
    rng = np.random.default_rng(seed)
    names = [name for name in _FIELDS if site.with_macs or not name.endswith("_l2_addr")]
    peers = rng.integers(0, max(1_000, 2 * site.devices), (site.devices, PEERS_EACH))
    with path.open("wb") as file:
        file.write(_header(names))
        for begin in range(0, records, _AT_ONCE):
            numbers = np.arange(begin, min(records, begin + _AT_ONCE))
            device = rng.integers(0, site.devices, numbers.size)
            peer = peers[device, rng.integers(0, PEERS_EACH, numbers.size)]
            columns = _columns(rng, _BEGAN + numbers / site.records_per_s, device, peer, numbers)
            frame = pl.DataFrame({name: columns[name] for name in names})
            frame.write_csv(file, include_header=False, separator="\t", quote_style="never", float_precision=6)
        file.write(b"#close\t2026-01-06-00-00-00\n")


def _header(names: list[str]) -> bytes:
    fields, types = "\t".join(names), "\t".join(_FIELDS[name] for name in names)
    return (
        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
        f"#open\t2026-01-05-00-00-00\n#fields\t{fields}\n#types\t{types}\n"
    ).encode()


def _columns(
    rng: np.random.Generator,
    ts: npt.NDArray[np.float64],
    device: npt.NDArray[np.int64],
    peer: npt.NDArray[np.int64],
    numbers: npt.NDArray[np.int64],
) -> dict[str, Any]:
    n = numbers.size
    kind = peer % len(_SERVICES)
    port, proto, service = (np.array(column)[kind] for column in zip(*_SERVICES, strict=True))
    usual = peer * 2_654_435_761 % 4_096
    up, down = usual + rng.integers(100, 164, n), 3 * usual + rng.integers(200, 456, n)
    return {
        "ts": ts,
        "uid": _texts("C", numbers),
        "id.orig_h": _addresses(10, device + 256),
        "id.orig_p": rng.integers(32_768, 60_999, n),
        "id.resp_h": _addresses(20, 64 * peer + 7),
        "id.resp_p": port,
        "proto": proto,
        "service": service,
        "duration": rng.gamma(2.0, 0.5, n),
        "orig_bytes": up,
        "resp_bytes": down,
        "conn_state": np.full(n, "SF"),
        "local_orig": np.full(n, "T"),
        "local_resp": np.full(n, "F"),
        "missed_bytes": np.zeros(n, np.int64),
        "history": np.where(proto == "udp", "Dd", "ShADadFf"),
        "orig_pkts": up // 400 + 4,
        "orig_ip_bytes": up + 200,
        "resp_pkts": down // 800 + 4,
        "resp_ip_bytes": down + 200,
        "tunnel_parents": np.full(n, "-"),
        "orig_l2_addr": _macs(device),
        "resp_l2_addr": _macs(np.full(n, -1)),
    }


def _texts(before: str, numbers: npt.NDArray[np.int64]) -> pl.Series:
    return pl.Series(numbers).cast(pl.String).str.pad_start(17, "0").str.replace("^", before)


def _addresses(first: int, numbers: npt.NDArray[np.int64]) -> pl.Series:
    parts = pl.DataFrame({str(shift): numbers >> shift & 255 for shift in (24, 16, 8, 0)})
    return parts.select(pl.format("{}.{}.{}.{}", pl.col("24") + first, "16", "8", "0")).to_series()


def _macs(numbers: npt.NDArray[np.int64]) -> pl.Series:
    known, where = np.unique(numbers, return_inverse=True)
    texts = [":".join(f"{byte:02x}" for byte in (2, *int(n & 0xFFFFFFFFFF).to_bytes(5))) for n in known]
    return pl.Series(texts)[where]
