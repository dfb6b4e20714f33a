"""The truth about a simulation: which connection belongs to the attack, one row a connection, in order of writing."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from ingest.simulator.columns import address_texts, uids, words
from ingest.simulator.folder import open_for_writing
from ingest.simulator.logfile import LogChunk

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.simulator.tables import Rows

HEADER: Final = b"uid\tattack\tphase\tdevice\twritten\tcapture\n"
CAPTURE: Final = "simulated"
_ATTACK: Final = b"\t1\ttest\t"


def truth_block(flows: Rows, start: float, attack_begin: float) -> LogChunk:
    """Return the truth's lines for conn rows in order; the test phase begins at `attack_begin`, epoch seconds."""
    written = np.round(flows["written"] + start, 6)
    frame = pl.DataFrame(
        {
            "uid": uids(flows["key"]),
            "attack": pl.Series(flows["attack"]),
            "phase": words(("warmup", "test"), (written >= attack_begin).astype(np.int8)),
            "device": address_texts(flows["orig_h"]),
            "written": pl.Series(written),
            "capture": pl.repeat(CAPTURE, len(flows), eager=True),
        }
    )
    out = io.BytesIO()
    frame.write_csv(out, include_header=False, separator="\t", float_precision=6)
    return LogChunk.of(out.getvalue(), written)


class TruthFile:
    """``truth.tsv`` beside the logs, growing with them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.attacks = 0
        self._file = open_for_writing(path)
        self._file.write(HEADER)

    def write(self, block: LogChunk, begin: int, end: int) -> None:
        """Append lines [begin, end) of a block."""
        lines = block.lines(begin, end)
        self.attacks += lines.count(_ATTACK)
        self._file.write(lines)
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
