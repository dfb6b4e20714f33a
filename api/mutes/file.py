"""Rules that mute alerts, from a TOML file: all of it or nothing, and every mistake with its line.

.. code-block:: toml

    [[rules]]
    device = "192.168.1.23"
    domain = "*.example.org"
    reason = "the new camera"
    expires = 2027-01-31        # without it: as long as it stands here
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, Final

from api.errors import RuleError, RuleFileError
from api.mutes.rule import CONDITIONS, Conditions, Rule, conditions_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_KNOWN: Final = (*CONDITIONS, "reason", "expires")
_HEADER: Final = re.compile(r"^\s*\[\[\s*[\"']?rules[\"']?\s*\]\]")
_QUOTES: Final = re.compile(r"\"\"\"|'''")
_LONGEST: Final = 4 << 20
_LONGEST_REASON: Final = 1000


def rules_in(path: Path) -> tuple[Rule, ...]:
    """Read a file of rules.

    Raises
    ------
    RuleFileError
        If it cannot be read, is no TOML, or any rule in it is wrong; the message names file and line.
    """
    try:
        with path.open("rb") as file:
            data, changed_at = file.read(_LONGEST + 1), path.stat().st_mtime
    except OSError as error:
        raise RuleFileError(f"rules {path}: {error.strerror}") from error
    if len(data) > _LONGEST:
        raise RuleFileError(f"rules {path}: expected {_LONGEST >> 20} MiB at most; name networks and domains instead")
    try:
        text = data.decode("utf-8")
        document = tomllib.loads(text)
    except ValueError as error:  # which names the line itself
        raise RuleFileError(f"rules {path}: expected TOML, but {error}") from error
    return tuple(_File(path, text, changed_at).rules(document))


class _File:
    """The text of a file beside what it says, so that a mistake can be told with its line."""

    def __init__(self, path: Path, text: str, changed_at: float) -> None:
        self._path, self._lines, self._changed_at = path, text.splitlines(), changed_at
        self._headers = list(_headers(self._lines))

    def rules(self, document: Mapping[str, Any]) -> Iterator[Rule]:
        entries = document.get("rules", [])
        if unknown := sorted(document.keys() - {"rules"}):
            raise self._wrong(self._line_of(unknown[0], 0), f"{unknown[0]}: expected [[rules]] and nothing else")
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise self._wrong(self._line_of("rules", 0), "rules: expected a table of its own, [[rules]], for each rule")
        lines: dict[str, int] = {}
        for number, entry in enumerate(entries):
            line = self._headers[number] if len(self._headers) == len(entries) else self._line_of("rules", 0)
            rule = self._rule(entry, line)
            if rule.id in lines:
                raise self._wrong(line, f"this rule hides the same as the one in line {lines[rule.id]}; remove either")
            lines[rule.id] = line
            yield rule

    def _rule(self, entry: Mapping[str, Any], line: int) -> Rule:
        for name, value in entry.items():
            if name not in _KNOWN:
                expected = ", ".join(_KNOWN)
                raise self._wrong(self._line_of(name, line), f"{name}: unknown; expected any of {expected}")
            if name != "expires" and not isinstance(value, str):
                raise self._wrong(self._line_of(name, line), f"{name}: expected text in quotes")
        reason = entry.get("reason", "").strip()
        if not reason or len(reason) > _LONGEST_REASON:
            raise self._wrong(
                line, f"reason: expected why these alerts are hidden, in {_LONGEST_REASON} characters at most"
            )
        conditions = self._conditions(entry, line)
        named = "\0".join(getattr(conditions, name) for name in CONDITIONS)
        return Rule(
            id=f"f-{hashlib.blake2b(named.encode(), digest_size=6).hexdigest()}",
            conditions=conditions,
            reason=reason,
            author=f"file {self._path.name}",
            created_at=self._changed_at,
            expires_at=self._end(entry.get("expires"), line),
            source=f"{self._path}:{line}",
        )

    def _conditions(self, entry: Mapping[str, Any], line: int) -> Conditions:
        told = {name: entry[name] for name in CONDITIONS if entry.get(name)}
        for name, value in told.items():  # one by one: each mistake has a line of its own
            try:
                conditions_of(Conditions(**{name: value}))
            except RuleError as error:
                raise self._wrong(
                    self._line_of(name, line), f"{name}: {str(error).removeprefix(f'{name}: ')}"
                ) from error
        try:
            return conditions_of(Conditions(**told))
        except RuleError as error:
            raise self._wrong(line, str(error)) from error

    def _end(self, expires: object, line: int) -> float | None:
        if expires is None:
            return None
        if isinstance(expires, date) and not isinstance(expires, datetime):
            expires = datetime.combine(expires, time())
        try:
            return (expires if isinstance(expires, datetime) else datetime.fromisoformat(str(expires))).timestamp()
        except (ValueError, OverflowError, OSError) as error:
            raise self._wrong(
                self._line_of("expires", line), "expires: expected a day or a time such as 2027-01-31T06:00:00+01:00"
            ) from error

    def _line_of(self, name: str, after: int) -> int:
        """Return the line in which a key stands, behind that of its table; that one where it is not found."""
        key = re.compile(rf"^\s*[\"']?{re.escape(name)}[\"']?\s*=|^\s*\[+\s*[\"']?{re.escape(name)}\b")
        end = next((header for header in self._headers if header > after > 0), len(self._lines) + 1)
        found = (number for number in range(after + 1, end) if key.match(self._lines[number - 1]))
        return next(found, max(after, 1))

    def _wrong(self, line: int, told: str) -> RuleFileError:
        return RuleFileError(f"rules {self._path}:{line}: {told}")


def _headers(lines: Sequence[str]) -> Iterator[int]:
    """Yield the lines that begin a rule, but not what only looks so within a text of several lines."""
    is_text = False
    for number, line in enumerate(lines, 1):
        if not is_text and _HEADER.match(line):
            yield number
        is_text ^= len(_QUOTES.findall(line)) % 2 == 1
