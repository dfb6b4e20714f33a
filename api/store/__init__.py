"""Alerts on disk: one writer, many readers, SQLite in WAL mode."""

from api.store.evidence import EvidenceQuery, EvidenceReader
from api.store.reader import AlertPage, AlertQuery, AlertReader, IncidentQuery
from api.store.schema import open_store
from api.store.writer import AlertChange, AlertWriter, DriftChange

__all__ = [
    "AlertChange",
    "AlertPage",
    "AlertQuery",
    "AlertReader",
    "AlertWriter",
    "DriftChange",
    "EvidenceQuery",
    "EvidenceReader",
    "IncidentQuery",
    "open_store",
]
