"""dns.log's columns: names with their generated parts, and answers as Zeek spells them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from ingest.simulator.addresses import MDNS
from ingest.simulator.columns import address_texts, from_letters, labels, letters_from, optional, words
from ingest.simulator.frames import JOINT, Scene, head, same
from ingest.simulator.lookups import AAAA, NULL, PTR, TXT, A
from ingest.simulator.names import CLOUD, NAMES, SERIAL_LENGTH

if TYPE_CHECKING:
    import numpy.typing as npt

    from ingest.simulator.tables import Rows

_TYPES: Final = {A: "A", PTR: "PTR", TXT: "TXT", NULL: "NULL", AAAA: "AAAA"}
_RCODES: Final = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")
_HEX: Final = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_TUNNEL_ANSWER: Final = 44
_PREFIX: Final = [name.prefix.lower() for name in NAMES]
_SUFFIX: Final = [name.suffix for name in NAMES]
_SERIAL: Final = np.array([name.middle == "serial" for name in NAMES])
_LABELS: Final = np.array([name.middle == "labels" for name in NAMES])
_ALIASES: Final = [*(e.alias or None for e in CLOUD.endpoints), *[None] * (len(NAMES) - len(CLOUD.endpoints))]


def dns_frame(rows: Rows, scene: Scene) -> pl.DataFrame:
    """Return dns.log's columns."""
    answered, count = rows["rcode"] >= 0, len(rows)
    to_resolver = rows["resp_h"] != MDNS
    asked = to_resolver | (rows["qtype"] == PTR)  # an mDNS announcement has no question section
    kinds = np.full(int(max(_TYPES)) + 1, None, dtype=object)
    kinds[list(_TYPES)] = list(_TYPES.values())
    answers, ttls = answer_columns(rows)
    return pl.DataFrame(
        {
            **head(rows, scene),
            "proto": same("udp", count),
            "trans_id": pl.Series(rows["trans_id"]),
            "rtt": optional(rows["rtt"]),
            "query": queries(rows, scene),
            "qclass": optional(np.where(asked, 1, -1)),
            "qclass_name": words(("C_INTERNET",), np.where(asked, 0, -1)),
            "qtype": optional(np.where(asked, rows["qtype"].astype(np.int64), -1)),
            "qtype_name": words(kinds.tolist(), np.where(asked, rows["qtype"].astype(np.int64), -1)),
            "rcode": optional(rows["rcode"]),
            "rcode_name": words(_RCODES, rows["rcode"]),
            "AA": pl.Series(~to_resolver & answered),
            "TC": same(value=False, count=count),
            "RD": pl.Series(to_resolver),
            "RA": pl.Series(to_resolver & answered),
            "Z": pl.Series(np.zeros(count, dtype=np.int64)),
            "answers": answers,
            "TTLs": ttls,
            "rejected": same(value=False, count=count),
            "opcode": pl.Series(np.zeros(count, dtype=np.int64)),
            "opcode_name": same("query", count),
        }
    )


def queries(rows: Rows, scene: Scene) -> pl.Series:
    """Return the names that were asked for."""
    name = rows["name"]
    middle = pl.Series([""]).gather(np.zeros(len(rows), dtype=np.uint32))
    serial, tunnel = np.flatnonzero(_SERIAL[name]), np.flatnonzero(_LABELS[name])
    if len(serial):
        middle = middle.scatter(serial, serials(rows["orig_h"][serial], scene))
    if len(tunnel):
        middle = middle.scatter(tunnel, labels(rows["key"][tunnel], rows["label_length"][tunnel]))
    parts = [pl.lit(words(_PREFIX, name)), pl.lit(middle), pl.lit(words(_SUFFIX, name))]
    return pl.select(pl.concat_str(parts)).to_series()


def serials(addresses: npt.NDArray[np.uint32], scene: Scene) -> pl.Series:
    """Return the hexadecimal serial number of the device at each address."""
    number = scene.site.serial(addresses.astype(np.int64) - scene.site.first)
    shifts = np.arange(4 * (SERIAL_LENGTH - 1), -1, -4, dtype=np.uint64)
    return from_letters(_HEX[(number[:, None] >> shifts) & np.uint64(15)])


def answer_columns(rows: Rows) -> tuple[pl.Series, pl.Series]:
    """Return answers and TTLs, null where there are none."""
    count = rows["answer_count"].astype(np.int64)
    alias = words(_ALIASES, np.where((rows["qtype"] == A) & (count > 0), rows["name"], -1))
    text = _special(rows)
    places = [
        optional_words(address_texts(rows["addresses"][:, i]), (count > i) & (rows["qtype"] == A)) for i in range(4)
    ]
    total = count + alias.is_not_null().to_numpy()
    ttl = pl.Series(rows["ttl"]).fill_nan(0.0).cast(pl.Int64).cast(pl.String)
    ttls = [optional_words(ttl, total > i) for i in range(5)]
    return _join([alias, text, *places]), _join(ttls)


def optional_words(texts: pl.Series, present: npt.NDArray[np.bool_]) -> pl.Series:
    """Return the texts, null where they are not present."""
    return pl.select(pl.when(pl.lit(pl.Series(present))).then(pl.lit(texts))).to_series()


def _join(parts: list[pl.Series]) -> pl.Series:
    joined = pl.concat_str([pl.lit(part) for part in parts], separator=JOINT, ignore_nulls=True)
    return pl.select(pl.when(joined != "").then(joined)).to_series()


def _special(rows: Rows) -> pl.Series:
    """Return the answers that are not addresses: an announced TXT, and what a tunnel sends back."""
    present = (rows["answer_count"] > 0) & (rows["qtype"] != A)
    tunnel = np.flatnonzero(present & (rows["qtype"] == TXT) & _LABELS[rows["name"]])
    out = words(("<unknown type=10>", "TXT 20 md=LC20,flags=0x2044"), np.where(present, rows["qtype"] == TXT, -1))
    if not len(tunnel):
        return out
    sent = from_letters(letters_from(rows["key"][tunnel], "sent back", _TUNNEL_ANSWER))
    return out.scatter(tunnel, f"TXT {_TUNNEL_ANSWER} " + sent)
