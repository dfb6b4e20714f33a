"""What a sensor itself found suspicious: Zeek's notices and Suricata's alerts, and the addresses they are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingest.records import RecordBatch


@dataclass(frozen=True, slots=True)
class Evidence:
    """One finding of a sensor.

    Attributes
    ----------
    ts
        Log time, epoch seconds.
    log
        Its log kind.
    orig, resp
        The two addresses that it is about; None where it names none.
    what
        Zeek's type of notice, or the signature of Suricata's rule.
    text
        What the sensor says of it.
    severity
        Suricata's, 1 the worst; None for notices.
    uid
        The connection in which it was found, if there is one.
    """

    ts: float
    log: str
    orig: str | None
    resp: str | None
    what: str
    text: str
    severity: int | None
    uid: str | None


def evidence_in(batch: RecordBatch) -> list[Evidence]:
    """Return what the records of a batch say; nothing if its kind is none of a sensor's findings."""
    read = _READERS.get(batch.kind)
    return [read(row) for row in batch.frame.iter_rows(named=True)] if read else []


def _notice(row: Mapping[str, Any]) -> Evidence:
    text = ". ".join(part for part in (row["msg"], row["sub"]) if part)
    orig, resp = row["id.orig_h"] or row["src"], row["id.resp_h"] or row["dst"]
    return Evidence(row["ts"], "notice", orig, resp, row["note"] or "", text, None, row["uid"])


def _suricata_alert(row: Mapping[str, Any]) -> Evidence:
    rule = f"rule {row['gid']}:{row['signature_id']}:{row['rev']}"
    text = ", ".join(part for part in (row["category"], rule, row["action"]) if part)
    ends = row["id.orig_h"], row["id.resp_h"]
    return Evidence(row["ts"], "suricata_alert", *ends, row["signature"] or "", text, row["severity"], row["uid"])


_READERS: Final[dict[str, Callable[[Mapping[str, Any]], Evidence]]] = {
    "notice": _notice,
    "suricata_alert": _suricata_alert,
}
