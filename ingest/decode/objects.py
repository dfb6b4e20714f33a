"""Records that arrive as Python objects (a REST body) to the same batches as records that arrive in a log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.decode.json_rows import read_event
from ingest.decode.pieces import Pieces
from ingest.decode.suricata.events import EveReader
from ingest.decode.zeek.values import read_zeek
from ingest.errors import BadLineError
from ingest.records import RecordBatch

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(slots=True)
class DecodedObjects:
    """What became of a sequence of objects.

    Attributes
    ----------
    batches
        One batch a log kind, its records in the order given.
    indices
        For each batch, the original index of each of its rows.
    rejected
        (index, reason) of every object that is not a record of a decoded kind.
    """

    batches: list[RecordBatch] = field(default_factory=list)
    indices: list[list[int]] = field(default_factory=list)
    rejected: list[tuple[int, str]] = field(default_factory=list)


def decode_objects(records: Sequence[object], hint: str = "", first: int = 0) -> DecodedObjects:
    """Decode Zeek JSON records (and Suricata events, each for itself) that are Python objects already.

    ``_path`` or a record's fields tell its kind.

    Parameters
    ----------
    records
        Dictionaries with Zeek's flat dotted keys.
    hint
        A log kind to assume where nothing else tells it.
    first
        Index of the first record, if others came before.

    Examples
    --------
    >>> ends = {"id.orig_h": "192.0.2.1", "id.resp_h": "192.0.2.2"}
    >>> decoded = decode_objects([{"ts": 1.5, "proto": "udp", "query": "a.example", **ends}, {"ts": 2.0}])
    >>> decoded.batches[0].kind, decoded.indices, decoded.rejected[0][0]
    ('dns', [[0]], 1)
    """
    decoded, pieces = DecodedObjects(), Pieces()
    for index, record in enumerate(records, first):
        try:
            eve = EveReader()
            event = read_event(record, hint, eve)
            held = [(kind, read_zeek(row, kind, [])) for kind, row in eve.finish()]
            pieces.add_rows(index, [*(event.rows or []), *held])
            if event.rows is None:
                decoded.rejected.append((index, f"log kind {event.kind!r} is not analysed"))
        except BadLineError as error:
            decoded.rejected.append((index, str(error)))
    for kind, frame, indices in pieces.frames():
        decoded.batches.append(RecordBatch(kind, frame))
        decoded.indices.append(indices.tolist())
    return decoded
