"""Shared by the tests of decoding: a decoder of whole files, and a writer of Zeek TSV that follows Zeek's rules."""

from __future__ import annotations

import gzip
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import polars as pl
import pytest

from ingest.decode.decoder import LogDecoder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ingest.records import RecordBatch

_UIDS: Final = ("uid", "uids", "fuid", "orig_fuids", "resp_fuids", "cert_chain_fuids", "client_cert_chain_fuids")


class Decoded:
    """What a decoder made of a file: one frame a kind, and the decoder with its counts."""

    def __init__(self, decoder: LogDecoder, batches: Iterable[RecordBatch]) -> None:
        self.decoder = decoder
        frames: defaultdict[str, list[pl.DataFrame]] = defaultdict(list)
        for batch in batches:
            frames[batch.kind].append(batch.frame)
        self.frames = {kind: pl.concat(parts) for kind, parts in frames.items()}

    def without_uids(self) -> dict[str, pl.DataFrame]:
        """Return the frames in an order of their own, without what differs from one run of Zeek to the next."""
        return {kind: _in_one_order(frame.drop(_UIDS, strict=False)) for kind, frame in self.frames.items()}


def _in_one_order(frame: pl.DataFrame) -> pl.DataFrame:
    keys = [
        pl.col(name).list.eval(pl.element().cast(pl.String)).list.join("\0") if isinstance(dtype, pl.List) else name
        for name, dtype in frame.schema.items()
    ]
    return frame.sort(keys, nulls_last=True)


class Decode:
    """Decodes bytes or files."""

    def __call__(self, lines: bytes, source: str = "conn.log", cuts: Sequence[int] = ()) -> Decoded:
        """Decode lines, handed over in pieces that end at the given lines."""
        decoder = LogDecoder(source)
        pieces = lines.splitlines(keepends=True) if cuts else [lines]
        batches: list[RecordBatch] = []
        offset = 0
        for begin, end in zip([0, *cuts], [*cuts, len(pieces)], strict=True):
            piece = b"".join(pieces[begin:end])
            batches += decoder.feed(piece, offset)
            offset += len(piece)
        return Decoded(decoder, [*batches, *decoder.finish()])

    def file(self, path: Path) -> Decoded:
        """Decode a whole file, unpacked if it is packed."""
        data = path.read_bytes()
        return self(gzip.decompress(data) if path.suffix == ".gz" else data, str(path))


@pytest.fixture(scope="session")
def decode() -> Decode:
    """Return a decoder of bytes and files."""
    return Decode()


class ZeekWriter:
    r"""Writes TSV rows as Zeek's ``formatters/Ascii.cc`` does: set, empty and unset fields, escapes as ``\xNN``."""

    def __init__(
        self, separator: str = "\t", set_separator: str = ",", empty: str = "(empty)", unset: str = "-"
    ) -> None:
        self.separator, self.set_separator, self.empty, self.unset = separator, set_separator, empty, unset

    def header(self, path: str, fields: Sequence[str]) -> bytes:
        """Return the header lines."""
        meta = {"set_separator": self.set_separator, "empty_field": self.empty, "unset_field": self.unset, "path": path}
        lines = ["#separator " + "".join(f"\\x{ord(char):02x}" for char in self.separator)]
        lines += [f"#{name}{self.separator}{value}" for name, value in meta.items()]
        lines.append("#fields" + "".join(f"{self.separator}{field}" for field in fields))
        return "\n".join(lines).encode() + b"\n"

    def row(self, values: Sequence[Any]) -> bytes:
        """Return one row."""
        line = self.separator.encode().join(self.field(value) for value in values)
        return (b"\\x23" + line[1:] if line.startswith(b"#") else line) + b"\n"

    def field(self, value: Any) -> bytes:
        """Return one field: None is unset, a list is a vector."""
        if isinstance(value, list):
            elements = [self._scalar(item, inside=True) for item in value]
            return self.set_separator.encode().join(elements) if elements else self.empty.encode()
        return self._scalar(value, inside=False)

    def _scalar(self, value: Any, *, inside: bool) -> bytes:
        if value is None:
            return self.unset.encode()
        if isinstance(value, bool):
            return b"T" if value else b"F"
        if isinstance(value, float):
            return f"{value:.6f}".encode()
        return self._text(value, inside=inside) if isinstance(value, str) else str(value).encode()

    def _text(self, text: str, *, inside: bool) -> bytes:
        raw = text.encode()
        if not raw:
            return self.empty.encode()
        if text in (self.unset, self.empty):
            return b"\\x%02x" % raw[0] + self._escape(raw[1:], inside=inside)
        return self._escape(raw, inside=inside)

    def _escape(self, raw: bytes, *, inside: bool) -> bytes:
        special = {*self.separator.encode(), *(self.set_separator.encode() if inside else b"")}
        out = bytearray()
        for byte in raw:
            if byte == ord("\\"):
                out += b"\\\\"
            else:
                out += b"\\x%02x" % byte if byte in special or byte < 0x20 or byte == 0x7F else bytes([byte])
        return bytes(out)


@pytest.fixture(scope="session")
def zeek_writer() -> type[ZeekWriter]:
    """Return the writer's class."""
    return ZeekWriter


_TSV: Final = """#separator \\x09
#set_separator	,
#empty_field	(empty)
#unset_field	-
#path	conn
#fields	ts	uid	proto	conn_state	tunnel_parents	id.orig_h	id.resp_h
%(rows)s2.5	C2	tcp	SF	-	10.0.0.1	10.0.0.2
broken

3.5	C3	tcp	\\\\	x\\x2cy	fe80:0::1	10.0.0.2
#close	2026-01-01-00-00-00
#path	dns
#fields	ts	query	TTLs	id_orig_h	id_resp_h
4.5	q	1.0,2.5	10.0.0.1	::ffff:10.0.0.2
x	y	z
5.5	q	-	10.0.0.1	10.0.0.2%(tab)s
#path	ntp
6.5	a	b
#separator \\x7c
#path|conn
#fields|uid|ts|id.orig_h|id.resp_h
C7|7.5|10.0.0.1|10.0.0.2
{"ts":8.5,"proto":"udp","query":"q"}
C9|9.5|10.0.0.1|10.0.0.2
"""
_TSV_ROWS: Final = "".join(f"{n}.25\tC{n}\ttcp\tS\\x46\ta,b\t10.0.0.1\t10.0.0.2\n" for n in range(20))
_JSON: Final = """%s{"ts":2.5,"id.orig_h":"10.0.0.1","id.resp_h":"10.0.0.2","proto":"tcp","conn_state":"SF"}
{"ts":3.5,

{"_path":"dns","ts":"2018-09-14T11:40:31.782367Z","query":"a\\u00e9","id":{"orig_h":"10.0.0.1","resp_h":"10.0.0.2"}}
{"ts":4.5,"uid":"C4","id.orig_h":"10.0.0.1","id.resp_h":"10.0.0.2","proto":"tcp","conn_state":"S0","orig_bytes":4.0}
{"_path":"ntp","ts":1.5}
{"ts":5.5,"id.orig_h":"10.0.0.1","id.resp_h":"10.0.0.2","proto":"udp","query":"q","rejected":false}
{"ts":6.5,"conn_state":"SF","proto":7}
{"ts":7.5,"id.orig_h":"10.0.0.1","id.resp_h":"10.0.0.2","proto":"udp","query":"q","rejected":true}
#path	dns
#fields	ts	query	id.orig_h	id.resp_h
8.5	q	10.0.0.1	10.0.0.2
{"ts":9.5,"uid":"C9","id.orig_h":"10.0.0.1","id.resp_h":"10.0.0.2","proto":"tcp","conn_state":"SF","orig_bytes":9}
"""
_JSON_ROWS: Final = "".join(
    f'{{"ts":{n}.25,"id.orig_h":"10.0.0.1","id.resp_h":"10.0.0.2","proto":"tcp","conn_state":"SF","orig_pkts":{n}}}\n'
    for n in range(20)
)
_EVENT: Final = (
    '{"timestamp":"2018-09-14T11:40:%02d.000000+0000","flow_id":%d,"event_type":"%s",'
    '"src_ip":"10.0.0.1","dest_ip":"10.0.0.9",%s}\n'
)
_QUERY: Final = '"dns":{"type":"query","id":%d,"rrname":"a"}'
_ANSWER: Final = '"dns":{"type":"answer","id":%d,"rrname":"a"}'
_FLOW: Final = '"flow":{"pkts_toserver":1,"pkts_toclient":0,"bytes_toserver":60,"bytes_toclient":0,"start":%s}'
_EVE: Final = [
    *((second, 1, "dns", _QUERY % second) for second in range(12)),
    *((second, 1, "dns", _ANSWER % second) for second in range(3, 8)),
    (20, 2, "stats", '"stats":{}'),
    (21, 2, "dns", _QUERY % 1),
    (50, 3, "dns", _QUERY % 1),
    (51, 3, "flow", _FLOW % '"2018-09-14T11:40:50.000000+0000"'),
    (52, 3, "dns", '"dns":{}'),
    (53, 4, "dns", _QUERY % 2),
]


@pytest.fixture(scope="session")
def mixed_log() -> dict[str, bytes]:
    """Return a log of each format in which headers, kinds, broken lines and blanks come in turn."""
    eve = "".join(_EVENT % event for event in _EVE)
    return {
        "tsv": (_TSV % {"rows": _TSV_ROWS, "tab": "\t"}).encode(),
        "json": (_JSON % _JSON_ROWS).encode(),
        "eve": eve.encode(),
    }
