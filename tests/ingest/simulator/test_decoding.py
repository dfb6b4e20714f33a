"""What the simulator writes the product reads, every line of it, and the same from both formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ingest.decode.decoder import LogDecoder
from ingest.simulator import Attack, LogFormat, SimulatorConfig, simulate

if TYPE_CHECKING:
    from pathlib import Path


def decode(path: Path) -> pl.DataFrame:
    """Return the one frame that a log holds; not one line may be malformed or of another kind."""
    decoder = LogDecoder(str(path))
    batches = decoder.feed(path.read_bytes())
    assert decoder.counts.malformed == 0, list(decoder.malformed)
    assert {batch.kind for batch in batches} == {path.stem}
    return pl.concat([batch.frame for batch in batches])


@pytest.mark.parametrize("attack", ["none", "mirai", "c2", "dns-exfil", "tls-c2", "mqtt-abuse"])
def test_both_formats_decode_to_equal_frames(tmp_path: Path, attack: Attack) -> None:
    forms: tuple[LogFormat, ...] = ("tsv", "json")
    tsv, json = (
        simulate(SimulatorConfig(tmp_path / form, hours=2.0, attack=attack, format=form, seed=3)) for form in forms
    )
    assert tsv.records == json.records
    for kind, count in tsv.records.items():
        one, other = decode(tmp_path / "tsv" / f"{kind}.log"), decode(tmp_path / "json" / f"{kind}.log")
        assert one.height == count
        assert_frame_equal(one, other, rel_tol=0.0, abs_tol=1e-6)
