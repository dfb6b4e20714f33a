"""Suricata's EVE events to records in Zeek's columns, so that one model serves both sensors.

Source: Suricata's user guide, "EVE JSON Format" (versions 7 and 8), and Zeek's ``base/protocols/*/main.zeek``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingest.decode.json_lines import parse_line
from ingest.decode.suricata import app as suricata_app
from ingest.decode.suricata.common import identity, section
from ingest.decode.suricata.dns import asks, flow_of, key_of, record_of, time_of
from ingest.decode.suricata.dns_join import DnsJoin
from ingest.decode.suricata.flow import read_flow
from ingest.decode.zeek.values import check_required
from ingest.errors import BadLineError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingest.decode.suricata.dns_join import Message, Pair

    Record = dict[str, Any]
    Records = list[tuple[str, Record]]

_READERS: Final[dict[str, Callable[[Record], Records]]] = {
    "http": suricata_app.read_http,
    "tls": suricata_app.read_tls,
    "ssh": suricata_app.read_ssh,
    "mqtt": suricata_app.read_mqtt,
    "dhcp": suricata_app.read_dhcp,
}
_COUNTS: Final = ("kernel_packets", "kernel_drops")


def is_event(record: Record) -> bool:
    """Say whether a JSON object is a Suricata event."""
    return "event_type" in record and "timestamp" in record


class EveReader:
    """Reads the events of one file, in order; it holds DNS queries that wait for their answers.

    Parameters
    ----------
    state
        What `state` gave, to go on in the middle of the file.

    Attributes
    ----------
    dns
        Joins queries and answers, also those that were not read here.
    line_of
        Returns the line of a row of the block that is being read.
    """

    def __init__(self, state: Record | None = None) -> None:
        known = state or {}
        held = ((read_at, key_of(event), event) for read_at, event in known.get("queries", ()))
        self.dns = DnsJoin(known.get("now", float("-inf")), held)
        self.line_of: Callable[[int], bytes] = _of_no_block

    def state(self) -> Record:
        """Return the newest time, and the queries that wait, oldest first, JSON-able; empty before the first event."""
        if self.dns.now == float("-inf"):
            return {}
        return {"now": self.dns.now, "queries": [[read_at, self._event(query)] for read_at, query in self.dns.held()]}

    def records(self, pairs: list[Pair]) -> Records:
        """Return the record of each query and its answer."""
        return [("dns", record_of(self._event(query), self._event(answer))) for query, answer in pairs]

    def finish(self) -> Records:
        """Return records of the queries that are held, for a file that is finished."""
        return self.records(self.dns.release_all())

    def read(self, event: Record) -> tuple[str, Records | None]:
        """Return an event's type, and its records as (kind of `READ`, values by name).

        None stands for a type of event that is not analysed; no records at all for a query that waits for its answer.

        Raises
        ------
        BadLineError
            If a part that every event of its type has is missing; nothing has changed then.
        """
        kind = event["event_type"]
        if kind == "flow":
            return kind, [("suricata_flow", read_flow(event)), *self.records(self.dns.end_flow(flow_of(event)))]
        if kind == "dns":
            return kind, self._read_dns(event)
        if kind == "alert":
            return kind, [("suricata_alert", read_alert(event))]
        if kind == "stats":
            return "suricata_stats", read_stats(event)
        reader = _READERS.get(kind) if isinstance(kind, str) else None
        records = reader(event) if reader else []
        return (kind, records) if records else (f"suricata_{kind}", None)

    def _read_dns(self, event: Record) -> Records:
        """Return the records that are complete with this event: its own, and those that waited too long."""
        is_query, key, at = asks(event), key_of(event), time_of(event)
        if is_query:
            check_required(record_of(event, None), "dns")
            return self.records(self.dns.ask(key, at, event))
        record = record_of(self._event(self.dns.query_of(key)), event)
        check_required(record, "dns")
        return [*self.records(self.dns.answer(key, at, event)[:-1]), ("dns", record)]

    def _event(self, message: Message | None) -> Record | None:
        """Return the event that a message is."""
        if message is None or isinstance(message, dict):
            return message
        event: Any = parse_line(self.line_of(message) if isinstance(message, int) else message)
        return dict(event)


def _of_no_block(_: int) -> bytes:
    raise LookupError("no block is being read")


def read_alert(event: Record) -> Record:
    """Return what a rule said; orig and resp are the flow's client and server, whichever packet matched."""
    alert = section(event, "alert")
    flow = event.get("flow")
    client = flow.get("src_ip") if isinstance(flow, dict) else None
    turned = client is not None and client == event.get("dest_ip") != event.get("src_ip")
    names = ("action", "gid", "signature_id", "rev", "signature", "category", "severity")
    if "signature" not in alert:
        raise BadLineError("alert.signature is missing", "fields")
    return {
        **identity(event, turned=turned or event.get("direction") == "to_client"),
        **{name: alert.get(name) for name in names},
        "app_proto": event.get("app_proto"),
        "tx_id": event.get("tx_id"),
        "flow_id": event.get("flow_id"),
        "direction": event.get("direction"),
    }


def read_stats(event: Record) -> Records | None:
    """Return what the capture counted; None where it counts no packets of the kernel's, as with packets from a file."""
    stats = event.get("stats")
    capture = stats.get("capture") if isinstance(stats, dict) else None
    if not isinstance(capture, dict) or not all(isinstance(capture.get(name), int) for name in _COUNTS):
        return None
    return [("suricata_stats", {"ts": event.get("timestamp"), **{name: capture[name] for name in _COUNTS}})]
