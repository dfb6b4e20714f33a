"""How ``dns`` events look, for the loops over JSON lines."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import polars as pl

from ingest.decode.scan.words import FILLED, ISO, OBJECT, PATH
from ingest.decode.suricata.dns import ANSWERS, QUERIES
from ingest.decode.suricata.schemas import DNS_ANSWER, DNS_EVENT, DNS_QUESTION
from ingest.decode.zeek.json_loops import LineForm

if TYPE_CHECKING:
    from collections.abc import Collection

_ALWAYS: Final = frozenset({"timestamp", "flow_id", "event_type", "src_ip", "dest_ip", "dns", "dns.type", "dns.id"})
_OTHERS: Final = {
    "src_ip": ("in_iface", "pcap_cnt", "event_type"),
    "community_id": ("icmp_type", "pkt_src"),
    "dns.type": ("dns", "dns.version"),
    "dns.id": ("dns.tx_id",),
    "dns.rd": ("dns.qr", "dns.aa", "dns.tc"),
    "dns.rrname": ("dns.ra", "dns.opcode"),
}
"""Keys that are not read or say that the event is no usual one, by the key that they stand before in events of
Suricata 6 to 8."""
_WRITTEN_OTHERWISE: Final = frozenset({"soa", "srv"})
"""Keys of answers whose data are not in ``rdata``."""
_CONTROLS: Final = r"[\x00-\x1f\x7f]"


@cache
def dns_form() -> LineForm:
    """Return the form of dns events."""
    names = [name for column in DNS_EVENT for name in (*_OTHERS.get(column, ()), column)]
    return LineForm(
        "suricata_dns",
        "dns",
        names,
        _accepts,
        {name: tuple(name.split(".")) for name in names if "." in name},
        {"timestamp": ISO, "event_type": PATH, "dns": OBJECT, "dns.authorities": FILLED, "dns.additionals": FILLED},
        {
            "dns.queries": LineForm("suricata_dns_question", None, list(DNS_QUESTION), _accepts_any),
            "dns.answers": LineForm(
                "suricata_dns_answer", None, ["rrname", *DNS_ANSWER, "soa", "srv"], _accepts_answer
            ),
        },
        is_sure,
    )


def _accepts(found: Collection[str]) -> bool:
    return _ALWAYS.issubset(found) and "icmp_type" not in found


def _accepts_any(_: Collection[str]) -> bool:
    return True


def _accepts_answer(found: Collection[str]) -> bool:
    return _WRITTEN_OTHERWISE.isdisjoint(found)


@cache
def is_sure() -> pl.Expr:
    """Say which events the loops have read as line by line reads them.

    The size that Zeek writes before text is that of the line's, where a control character can stand as four.
    """
    answer = pl.element().struct
    text = (answer.field("rrtype") == "TXT") & answer.field("rdata").str.contains(_CONTROLS)
    return (
        pl.col("dns.type").is_in([*QUERIES, *ANSWERS])
        & pl.col("flow_id").is_not_null()
        & pl.col("dns.id").is_not_null()
        & ~pl.col("dns.answers").list.eval(text).list.any().fill_null(value=False)
    )
