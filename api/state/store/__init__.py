"""Alerts on disk: one writer, many readers, SQLite in WAL mode."""

from api.state.store.evidence import EvidenceQuery, EvidenceReader
from api.state.store.reader import AlertPage, AlertQuery, AlertReader, IncidentQuery
from api.state.store.schema import open_store
from api.state.store.writer import AlertChange, AlertWriter, DriftChange

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
