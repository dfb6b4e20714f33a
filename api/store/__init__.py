"""Alerts on disk: one writer, many readers, SQLite in WAL mode."""

from api.store.evidence import EvidenceQuery, EvidenceReader
from api.store.reader import AlertPage, AlertQuery, AlertReader
from api.store.schema import open_store
from api.store.writer import AlertChange, AlertWriter

__all__ = [
    "AlertChange",
    "AlertPage",
    "AlertQuery",
    "AlertReader",
    "AlertWriter",
    "EvidenceQuery",
    "EvidenceReader",
    "open_store",
]
