"""Decode rates of Zeek TSV and JSON logs beside the floor, and beside other ways to read JSON, in the same run.

Run: ``python tests/benchmarks/bench_decode.py [--records 300000] [--runs 7]``

The floor for TSV is ``polars.read_csv`` with a schema over the same bytes: it checks no field's type but numbers',
knows no escapes, and leaves lists and truth values as text. The floor for JSON is ``orjson.loads`` line by line, with
the records kept, as a reader of a log must; what it takes to throw each away at once is shown, too. Every reader gets
the same bytes in memory, ours in the pieces in which a replay reads a file; the runs of all readers alternate, and the
median of each is shown.

Where Suricata is installed, the same simulated packets are told by it, too, and its events are read beside Zeek's JSON
logs of them: decoded, and replayed with everything included, in processor time of this process. The aim is 0.8 of
Zeek's rate for a replay.
"""

from __future__ import annotations

import argparse
import io
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import duckdb
import msgspec
import orjson
import polars as pl

from api.offline.replaying import ReplayReaders, replay
from api.settings import load_settings
from ingest.decode.decoder import LogDecoder
from ingest.decode.schemas import SCHEMAS
from ingest.follow.replay import ReplaySource
from ingest.simulator import LogFormat, SimulatorConfig, simulate
from ingest.simulator.packets import write_packets

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS: Final = ("conn", "dns", "http")
DEVICES: Final = 250
PIECE_BYTES: Final = 2 * 2**20
_HOURS_A_RUN: Final = 0.5
_PYTHON_TYPES: Final[dict[Any, Any]] = {
    pl.Float64: float,
    pl.Int64: int,
    pl.UInt16: int,
    pl.Boolean: bool,
    pl.String: str,
}
_DUCKDB_TYPES: Final[dict[Any, str]] = {
    pl.Float64: "DOUBLE",
    pl.Int64: "BIGINT",
    pl.UInt16: "USMALLINT",
    pl.Boolean: "BOOLEAN",
    pl.String: "VARCHAR",
}


@dataclass(slots=True)
class Log:
    """One log of one kind in one format; ``lines`` are whole lines, ``header`` what stands before them."""

    kind: str
    header: bytes
    lines: bytes
    records: int

    @property
    def data(self) -> bytes:
        """The whole file."""
        return self.header + self.lines


def make_logs(form: LogFormat, records: int, folder: Path) -> list[Log]:
    """Simulate a network and repeat its lines until each log has about as many records as asked for."""
    simulate(SimulatorConfig(folder, devices=DEVICES, hours=_HOURS_A_RUN, format=form, attack="mirai", logs=KINDS))
    return [_repeat(kind, (folder / f"{kind}.log").read_bytes(), records) for kind in KINDS]


def _repeat(kind: str, data: bytes, records: int) -> Log:
    lines = data.splitlines(keepends=True)
    header = [line for line in lines if line.startswith(b"#") and not line.startswith(b"#close")]
    rows = [line for line in lines if not line.startswith(b"#")]
    times = max(1, round(records / len(rows)))
    return Log(kind, b"".join(header), b"".join(rows) * times, len(rows) * times)


def decode(log: Log) -> int:
    """Read with our decoder, piece by piece; keep the frames and return the number of records."""
    decoder = LogDecoder(f"{log.kind}.log")
    batches = decoder.feed(log.header)
    begin = 0
    while begin < len(log.lines):
        end = log.lines.rfind(b"\n", begin, begin + PIECE_BYTES) + 1
        batches += decoder.feed(log.lines[begin:end], begin)
        begin = end
    return sum(len(batch) for batch in batches)


def read_csv(log: Log) -> int:
    """Read with ``polars.read_csv``: numbers as numbers, everything else as text."""
    fields = next(line for line in log.header.splitlines() if line.startswith(b"#fields")).decode().split("\t")[1:]
    types = {name: SCHEMAS[log.kind].get(name, pl.String()) for name in fields}
    numeric = (pl.Float64, pl.Int64, pl.UInt16)
    schema = {name: dtype if isinstance(dtype, numeric) else pl.String() for name, dtype in types.items()}
    frame = pl.read_csv(
        log.data,
        separator="\t",
        has_header=False,
        comment_prefix="#",
        schema=schema,
        null_values="-",
        quote_char=None,
    )
    return frame.height


def orjson_lines(log: Log) -> int:
    """Parse line by line with orjson; keep nothing."""
    loads, count = orjson.loads, 0
    for line in log.lines.splitlines():
        loads(line)
        count += 1
    return count


def orjson_records(log: Log) -> int:
    """Parse line by line with orjson; keep the dictionaries, as whoever needs them must."""
    return len([orjson.loads(line) for line in log.lines.splitlines()])


def msgspec_structs(log: Log) -> int:
    """Parse into typed structs, all lines in one call."""
    return len(_msgspec_decoder(log.kind).decode_lines(log.lines))


def _msgspec_decoder(kind: str) -> msgspec.json.Decoder[Any]:
    fields = [(f"f{number}", _python_type(dtype) | None, None) for number, dtype in enumerate(SCHEMAS[kind].values())]
    names = {f"f{number}": name for number, name in enumerate(SCHEMAS[kind])}
    return msgspec.json.Decoder(msgspec.defstruct(f"Record_{kind}", fields, rename=names, gc=False))


def _python_type(dtype: pl.DataType) -> Any:
    if isinstance(dtype, pl.List):
        return list[_PYTHON_TYPES[dtype.inner.base_type()]]  # type: ignore[misc]  # a type made at run time
    return _PYTHON_TYPES[dtype.base_type()]


def read_ndjson(log: Log) -> int:
    """Read with ``polars.read_ndjson`` and a schema (it knows no 16-bit numbers; of a wrong type it makes null)."""
    schema = {name: pl.Int64() if dtype == pl.UInt16 else dtype for name, dtype in SCHEMAS[log.kind].items()}
    return pl.read_ndjson(io.BytesIO(log.lines), schema=schema).height


def duckdb_json(log: Log, path: Path) -> int:
    """Read with DuckDB's ``read_json``, which reads files only."""
    columns = ", ".join(f"'{name}': '{_duckdb_type(dtype)}'" for name, dtype in SCHEMAS[log.kind].items())
    query = f"SELECT * FROM read_json('{path}', format='newline_delimited', columns={{{columns}}})"  # noqa: S608  # ours
    return len(duckdb.execute(query).fetchnumpy()["ts"])


def _duckdb_type(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.List):
        return f"{_DUCKDB_TYPES[dtype.inner.base_type()]}[]"
    return _DUCKDB_TYPES[dtype.base_type()]


def measure(log: Log, readers: dict[str, Callable[[], int]], runs: int) -> None:
    """Print the median rate of every reader, and how it stands to the first, the floor."""
    seconds: dict[str, list[float]] = {name: [] for name in readers}
    for run in range(runs + 1):
        for name, reader in readers.items():
            begin = time.perf_counter()
            count = reader()
            if run:
                seconds[name].append(time.perf_counter() - begin)
            if count != log.records:
                raise RuntimeError(f"{name} read {count} of {log.records} {log.kind} records")
    floor = statistics.median(next(iter(seconds.values())))
    for name, times in seconds.items():
        median = statistics.median(times)
        rate, size = log.records / median / 1e6, len(log.lines) / median / 1e6
        sys.stdout.write(f"  {log.kind:5} {name:26} {rate:7.2f} M records/s {size:8.0f} MB/s {floor / median:6.2f} x\n")


def compare_sensors(runs: int, folder: Path) -> None:
    """Print how the rate for Suricata's events stands to that for Zeek's JSON logs of the same packets."""
    traffic = {"devices": 60, "hours": 0.25, "attack": "mirai", "attack_at_s": 300.0, "intensity": 0.3}
    zeek, eve = folder / "zeek", folder / "eve"
    eve.mkdir()
    simulate(SimulatorConfig(zeek, format="json", logs=KINDS, **traffic))
    write_packets(SimulatorConfig(folder, **traffic), folder / "sim.pcap")
    configuration = Path(__file__).resolve().parents[1] / "integration" / "suricata.yaml"
    command = ["suricata", "-c", configuration, "--runmode=single", "-r", folder / "sim.pcap", "-l", eve, "-k", "none"]
    subprocess.run(command, check=True, capture_output=True)
    for name, read in (("decoded", _read_all), ("replayed", _replay_all)):
        seconds: dict[Path, list[float]] = {zeek: [], eve: []}
        records = {}
        for run in range(runs + 1):
            for place, times in seconds.items():
                begin = time.process_time()
                records[place] = read(place)
                if run:
                    times.append(time.process_time() - begin)
        rates = [records[place] / statistics.median(times) for place, times in seconds.items()]
        told = f"Zeek JSON {rates[0]:9,.0f} records/s, Suricata {rates[1]:9,.0f} records/s"
        sys.stdout.write(f"  {name:9} {told} {rates[1] / rates[0]:6.2f} x\n")


def _read_all(folder: Path) -> int:
    return sum(len(batch) for batch in ReplaySource([folder]))


def _replay_all(folder: Path) -> int:
    return replay([folder], load_settings(None, {}), ReplayReaders(None), lambda *_: None).records


def main() -> None:
    """Print the rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=300_000, help="records of each kind")
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    for form in get_args(LogFormat):
        with tempfile.TemporaryDirectory() as name:
            sys.stdout.write(f"{form} (rate relative to the floor, which comes first)\n")
            for log in make_logs(form, options.records, Path(name)):
                path = Path(name) / f"{log.kind}.repeated"
                path.write_bytes(log.data)
                measure(log, _readers(form, log, path), options.runs)
    if shutil.which("suricata"):
        with tempfile.TemporaryDirectory() as name:
            sys.stdout.write("the same packets, told by either sensor\n")
            compare_sensors(options.runs, Path(name))


def _readers(form: LogFormat, log: Log, path: Path) -> dict[str, Callable[[], int]]:
    if form == "tsv":
        return {"polars.read_csv": lambda: read_csv(log), "LogDecoder": lambda: decode(log)}
    return {
        "orjson.loads": lambda: orjson_records(log),
        "orjson.loads, dropped": lambda: orjson_lines(log),
        "msgspec decode_lines": lambda: msgspec_structs(log),
        "polars.read_ndjson": lambda: read_ndjson(log),
        "duckdb read_json": lambda: duckdb_json(log, path),
        "LogDecoder": lambda: decode(log),
    }


if __name__ == "__main__":
    main()
