r"""The header of a Zeek TSV log: what the ``#`` lines say, gathered line by line, and kept over a restart.

``#separator \x09`` is followed by a space; every later header line uses the separator itself. A new header can stand in
the middle of a file. With the filter option ``tsv=T`` there is one bare row of names instead.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ingest.decode.kinds import resolve_kind
from ingest.decode.schemas import SCHEMAS
from ingest.decode.zeek.ends import with_usual_names
from ingest.decode.zeek.text import unescape

if TYPE_CHECKING:
    from collections.abc import Mapping

_LABELS: Final = b"   "
_BARE_SEPARATORS: Final = (b"\t", b",", b";", b"|", b" ")
_NAME: Final = re.compile(rb"[A-Za-z_][\w.\- ]*")
META: Final = tuple(
    b"#" + name
    for name in (
        b"separator",
        b"set_separator",
        b"empty_field",
        b"unset_field",
        b"path",
        b"open",
        b"close",
        b"fields",
        b"types",
    )
)
"""How the lines of a header begin."""
_META: Final = {b"set_separator": "set_separator", b"empty_field": "empty", b"unset_field": "unset"}


@dataclass(frozen=True, slots=True)
class Header:
    """The header in force.

    Attributes
    ----------
    fields
        Column names in the file's order, the usual ones for the ends; empty while no ``#fields`` line was read.
    separator, set_separator, empty, unset
        Bytes between fields, between elements, and the marks of empty and of unset fields.
    path
        What ``#path`` says, None if nothing.
    labels
        How many label columns share the last field, with three spaces between them (IoT-23).
    bare
        The names stood in a bare row (``tsv=T``, or CSV), not in a ``#fields`` line.
    """

    fields: tuple[str, ...] = ()
    separator: bytes = b"\t"
    set_separator: bytes = b","
    empty: bytes = b"(empty)"
    unset: bytes = b"-"
    path: str | None = None
    labels: int = 0
    bare: bool = False

    def kind(self, hint: str) -> str | None:
        """Return the log kind of the rows below this header."""
        return resolve_kind(self.path, self.fields, hint)

    def to_state(self) -> dict[str, Any]:
        """Return the header as plain JSON-able data."""
        return {
            "fields": list(self.fields),
            "separator": self.separator.decode("latin-1"),
            "set_separator": self.set_separator.decode("latin-1"),
            "empty": self.empty.decode("latin-1"),
            "unset": self.unset.decode("latin-1"),
            "path": self.path,
            "labels": self.labels,
            "bare": self.bare,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Header:
        """Rebuild what `to_state` gave."""
        marks = {name: state[name].encode("latin-1") for name in ("separator", "set_separator", "empty", "unset")}
        fields = with_usual_names(tuple(state["fields"]))  # a state of before may have others
        return cls(fields, path=state["path"], labels=state["labels"], bare=state["bare"], **marks)


@dataclass(slots=True)
class HeaderReader:
    """Reads header lines; `header` is what is in force after the lines so far."""

    header: Header = field(default_factory=Header)

    def read_meta(self, line: bytes) -> None:
        """Take in one line that starts with ``#``; what it does not know (``#open``, ``#types``) it ignores."""
        if line.startswith(b"#separator"):
            self.header = Header(separator=unescape(line[len(b"#separator") :].strip(b" ")) or b"\t")
            return
        name, _, rest = line[1:].partition(self.header.separator)
        if name == b"fields":
            self._set_fields(rest.split(self.header.separator), bare=False)
        elif name == b"path":
            self._change(path=unescape(rest).decode("utf-8", "replace"))
        elif name in _META:
            self._change(**{_META[name]: unescape(rest)})

    def is_bare(self, line: bytes) -> bool:
        """Say whether a line is a bare row of column names, which it cannot be below a ``#fields`` line."""
        return not (self.header.fields and not self.header.bare) and _bare_separator(line) is not None

    def read(self, line: bytes) -> None:
        """Take in a header line of either form."""
        separator = None if line.startswith(b"#") else _bare_separator(line)
        if separator is None:
            self.read_meta(line)
        else:
            self.header = Header(separator=separator, unset=b"" if separator == b"," else b"-")
            self._set_fields(line.split(separator), bare=True)

    def _set_fields(self, names: list[bytes], *, bare: bool) -> None:
        *front, last = names
        last, *labels = last.split(_LABELS)
        fields = tuple(unescape(name).decode("utf-8", "replace") for name in (*front, last))
        if len(fields) > 1 and not fields[-1]:
            fields = fields[:-1]  # a separator after the last name, which rows may have, too
        self._change(fields=with_usual_names(fields), labels=len(labels), bare=bare)

    def _change(self, **changes: Any) -> None:
        self.header = Header(**{**{name: getattr(self.header, name) for name in Header.__slots__}, **changes})


def _bare_separator(line: bytes) -> bytes | None:
    for separator in _BARE_SEPARATORS:
        names = line.split(separator)
        if b"ts" in names and len(names) > 1 and all(map(_NAME.fullmatch, names)):
            return separator
    return None


def is_decoded(kind: str | None) -> bool:
    """Say whether records of this kind become frames."""
    return kind in SCHEMAS
