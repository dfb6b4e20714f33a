"""A writer of logs for the tests of reading: real files, every way of rotating them."""

from __future__ import annotations

import gzip
import os
import re
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_UID: Final = re.compile(rb"\bU(\d{6})\b")
_FIELDS: Final = ("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto", "service", "conn_state")
_TYPES: Final = ("time", "string", "addr", "port", "addr", "port", "enum", "string", "string")


class LogWriter:
    """A writer like Zeek or Suricata with a log rotation like logrotate or zeekctl; real files in a real folder."""

    def __init__(self, folder: Path, style: str, *, tsv: bool, appends: bool) -> None:
        self.folder = folder
        self.archive = folder.parent / "archive"
        self.tsv = tsv
        self.flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if appends else 0)
        self.live = folder / "conn.log"
        self.fd = -1
        self.written: list[int] = []
        self.lost: set[int] = set()
        self.pending = b""
        self.unfinished: list[tuple[int, int]] = []
        self.style = style
        self.parts: list[Path] = []
        self.rotations = 0
        self.headers = 0

    def write(self, count: int, keep_back: int) -> None:
        """Write some records; the last `keep_back` bytes only with the next call."""
        if self.fd < 0:
            self.fd = os.open(self.live, self.flags)
            self.begin_file()
        for _ in range(count):
            self.written.append(len(self.written))
            line = self._line(self.written[-1])
            self.pending += line
            self.unfinished.append((self.written[-1], len(line)))
        cut = max(0, len(self.pending) - keep_back)
        os.write(self.fd, self.pending[:cut])
        self.pending = self.pending[cut:]
        while self.unfinished and sum(size for _, size in self.unfinished[1:]) >= len(self.pending):
            del self.unfinished[0]

    def begin_file(self) -> None:
        """Write the header next, if the format has one."""
        self.pending = self._header() if self.fd >= 0 else b""

    def finish_line(self) -> None:
        """Write what was kept back."""
        if self.fd >= 0 and self.pending:
            self.write(0, 0)

    def stop_writing(self) -> None:
        """End the line and close the log; the next record opens a new one."""
        self.finish_line()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def on_disk(self) -> set[int]:
        """Return the records of which a whole line stands in some file."""
        found: set[int] = set()
        for path in [*self.folder.glob("*"), *self.archive.glob("*/*")]:
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            lines = data[: data.rfind(b"\n") + 1].splitlines()
            found.update(int(match[1]) for line in lines if (match := _UID.search(line)))
        return found

    def next_name(self) -> Path:
        """Return the name of the next rotated part, which is then among `parts`."""
        self.rotations += 1
        self.parts.append(self.shift_numbers() if self.style == "numbers" else self._stamped())
        return self.parts[-1]

    def _stamped(self) -> Path:
        n = self.rotations
        names = {
            "date": f"conn.2026-01-29-{n // 60:02}-{n % 60:02}-00.log",
            "dateext": f"conn.log-20260129{n:04}",
            "dash": f"conn.log-{n}",
            "zeekctl": f"conn.{n // 60:02}:{n % 60:02}:00-{n // 60:02}:{n % 60:02}:59.log",
            "corelight": f"conn_20260129_{n // 60:02}:{n % 60:02}:00-{n // 60:02}:{n % 60:02}:59+0000.log",
            "archiver": f"conn__2026-01-29-{n // 60:02}-{n % 60:02}-00__2026-01-29-{n // 60:02}-{n % 60:02}-59__.log",
        }
        return self.folder / names[self.style]

    def shift_numbers(self) -> Path:
        """Make room for ``conn.log.1``, as logrotate does."""
        for i, path in enumerate(self.parts):
            number, _, packed = path.name.removeprefix("conn.log.").partition(".")
            name = f"conn.log.{int(number) + 1}{packed and '.gz'}"
            self.parts[i] = path.rename(self.folder / name)
        return self.folder / "conn.log.1"

    def unpacked(self) -> list[Path]:
        """Return the rotated parts that are not packed, oldest first."""
        return [path for path in self.parts if path.suffix != ".gz"]

    def _line(self, n: int) -> bytes:
        ts, uid, service = f"{1_700_000_000 + n}.25", f"U{n:06}", "ü€𝄞" * (n % 4)
        if self.tsv:
            cells = (ts, uid, "10.0.0.5", "4000", "192.0.2.7", "443", "tcp", service or "-", "SF")
            return "\t".join(cells).encode() + b"\n"
        return (
            f'{{"ts":{ts},"uid":"{uid}","id.orig_h":"10.0.0.5","id.orig_p":4000,"id.resp_h":"192.0.2.7",'
            f'"id.resp_p":443,"proto":"tcp","service":"{service}","conn_state":"SF"}}\n'
        ).encode()

    def _header(self) -> bytes:
        if not self.tsv:
            return b""
        self.headers += 1
        lines = (
            "#separator \\x09",
            "#set_separator\t,",
            "#empty_field\t(empty)",
            "#unset_field\t-",
            "#path\tconn",
            f"#open\t2026-01-29-{self.headers // 60:02}-{self.headers % 60:02}-00",
            "\t".join(("#fields", *_FIELDS)),
            "\t".join(("#types", *_TYPES)),
        )
        return "\n".join(lines).encode() + b"\n"


@pytest.fixture(scope="session")
def log_writer() -> type[LogWriter]:
    """Return the writer's class."""
    return LogWriter
