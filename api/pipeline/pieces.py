"""Frames in one piece, as the models' compiled loops were compiled for."""

from __future__ import annotations

from ingest.records import RecordBatch


def in_one_piece(batch: RecordBatch) -> RecordBatch:
    """Return the batch with each column in one piece of memory; costs nothing if it is so already.

    Columns in several pieces reach the models as arrays of another type (copied, so writable), and each of their loops
    would be compiled a second time for those: the live stream would stand still for as long.
    """
    return RecordBatch(batch.kind, batch.frame.rechunk(), batch.source)
