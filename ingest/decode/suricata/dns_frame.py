"""Many of Suricata's ``dns`` events to dns records at once, as `dns.record_of` makes them one by one."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from ingest.decode.addresses import canonical
from ingest.decode.schemas import DNS
from ingest.decode.suricata.dns import AA, DNS_PORT, RA, RCODES, RD, TC, TYPES
from ingest.decode.suricata.flow import protocol

if TYPE_CHECKING:
    from ingest.decode.scan.words import Ints

_ENDS: Final = ("timestamp", "flow_id", "src_ip", "src_port", "dest_ip", "dest_port", "proto", "community_id")
_QUESTION: Final = ("query", "qtype_name", "qtype")
_KIND, _DATA, _TTL = (pl.element().struct.field(name) for name in ("rrtype", "rdata", "ttl"))


def dns_of(events: pl.DataFrame, queries: Ints, answers: Ints) -> pl.DataFrame:
    """Return the records of queries and their answers, with the columns of `DNS`.

    Parameters
    ----------
    events
        With the columns of `DNS_EVENT`.
    queries, answers
        For each record the rows of its query and of its answer, either of which can be missing: -1.
    """
    told = events.select(*_ENDS, *_told(), _rdata(_spelled(events)))
    asked, answered = queries >= 0, answers >= 0
    first, last = np.where(asked, queries, answers), np.where(answered, answers, queries)
    named = told["query"].str.len_bytes().fill_null(0).to_numpy() > 0
    question = np.where(answered & ~named[last], first, last)
    between = told["timestamp"].to_numpy()[last] - told["timestamp"].to_numpy()[first]
    said = pl.DataFrame({"asked": asked, "answered": answered, "rtt": np.rint(np.maximum(between, 0.0) * 1e6) / 1e6})
    rest = told.drop(*_ENDS, *_QUESTION)
    records = (told.select(_ENDS)[first], told.select(_QUESTION)[question], rest[last], said)
    turned = pl.concat(records, how="horizontal").with_columns(_turned())
    return turned.select(_columns())


@cache
def _told() -> list[pl.Expr]:
    """Return what each event says, whether it is a query or an answer, by the names of the record's columns."""
    first = pl.col("dns.queries").list.first().struct
    listed = pl.col("dns.queries").list.len() > 0
    flags, answers = pl.col("dns.flags"), pl.col("dns.answers")
    kind = pl.when(listed).then(first.field("rrtype")).otherwise("dns.rrtype")
    bits = flags.str.to_integer(base=16, strict=False)
    others = pl.any_horizontal(answers.list.len() > 0, "dns.authorities", "dns.additionals")
    return [
        pl.col("dns.id").alias("trans_id"),
        pl.col("dns.rd").alias("asked_RD"),
        pl.when(listed).then(first.field("rrname")).otherwise("dns.rrname").alias("query"),
        kind.alias("qtype_name"),
        kind.replace_strict(TYPES, default=None, return_dtype=pl.Int64).alias("qtype"),
        pl.col("dns.rcode").alias("rcode_name"),
        pl.col("dns.rcode").replace_strict(RCODES, default=None, return_dtype=pl.Int64).alias("rcode"),
        pl.when(flags.str.contains("^[0-9a-fA-F]{1,4}$")).then(bits).otherwise(0).alias("bits"),
        pl.when(answers.list.len() > 0).then(answers.list.eval(_TTL)).alias("TTLs"),
        others.fill_null(value=False).alias("others"),
    ]


def _spelled(events: pl.DataFrame) -> dict[str, str]:
    """Return the addresses among the answers that Zeek writes otherwise."""
    texts = pl.col("dns.answers").explode(empty_as_null=False).struct.field("rdata")
    found = events.select(texts.filter(texts.str.contains(":", literal=True)).unique()).to_series()
    return {text: written for text in found.to_list() if (written := canonical(text)) not in (None, text)}


def _rdata(spelled: dict[str, str]) -> pl.Expr:
    """Return the answers as Zeek writes them."""
    answers = pl.col("dns.answers")
    text = pl.format("TXT {} {}", _DATA.str.len_bytes(), _DATA)
    data = pl.when(_KIND == "TXT").then(text).otherwise(_DATA.replace(spelled) if spelled else _DATA)
    return pl.when(answers.list.len() > 0).then(answers.list.eval(data)).alias("answers")


@cache
def _turned() -> pl.Expr:
    """Say of which records the source is the server: of answers alone that come from its port."""
    from_server = pl.col("src_port").eq_missing(DNS_PORT) & pl.col("dest_port").ne_missing(DNS_PORT)
    return (~pl.col("asked") & from_server).alias("turned")


@cache
def _columns() -> list[pl.Expr]:
    """Return how the columns of a record are made."""
    bits, answered = pl.col("bits"), pl.col("answered")
    usual = ("qtype_name", "qtype", "query", "trans_id", "community_id")
    made = {
        **{name: pl.col(name) for name in usual},
        **{name: pl.when("answered").then(name) for name in ("rcode", "rcode_name", "answers", "TTLs")},
        "ts": pl.col("timestamp"),
        "uid": pl.format("S{}", "flow_id"),
        "id.orig_h": pl.when("turned").then("dest_ip").otherwise("src_ip"),
        "id.orig_p": pl.when("turned").then("dest_port").otherwise("src_port"),
        "id.resp_h": pl.when("turned").then("src_ip").otherwise("dest_ip"),
        "id.resp_p": pl.when("turned").then("src_port").otherwise("dest_port"),
        "proto": protocol("proto"),
        "rtt": pl.when(pl.col("asked") & answered).then("rtt"),
        "AA": answered & (bits & AA != 0),
        "TC": answered & (bits & TC != 0),
        "RD": pl.when("answered").then(bits & RD != 0).otherwise("asked_RD"),
        "RA": answered & (bits & RA != 0),
        "Z": pl.when("answered").then(bits // 16 % 8).otherwise(0),
        "rejected": answered & ~pl.col("others"),
    }
    return [made.get(name, pl.lit(None, dtype)).cast(dtype).alias(name) for name, dtype in DNS.items()]
