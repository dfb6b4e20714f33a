"""The rules that mute alerts, in a file of their own beside the store of alerts: any thread may read and write them."""

from __future__ import annotations

import logging
import secrets
import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from api.errors import NoRuleError, RuleError, RuleFileError, RuleInFileError, StateError, TooManyRulesError
from api.mutes.book import Mutes
from api.mutes.file import rules_in
from api.mutes.rule import CONDITIONS, Conditions, Rule, conditions_of
from api.state.refusal import remedy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_log = logging.getLogger(__name__)
APPLICATION_ID: Final = 0x6E736D75  # "nsmu"
STEPS: Final = (
    """
    CREATE TABLE rule (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, device TEXT NOT NULL,
        behaviour TEXT NOT NULL, peer TEXT NOT NULL, domain TEXT NOT NULL, service TEXT NOT NULL,
        hours TEXT NOT NULL, reason TEXT NOT NULL,
        author TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL
    ) STRICT;
    """,
    """
    CREATE TABLE maintenance (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, everything INTEGER NOT NULL,
        devices TEXT NOT NULL, tags TEXT NOT NULL, begins_at REAL NOT NULL, ends_at REAL NOT NULL,
        reason TEXT NOT NULL, author TEXT NOT NULL, created_at REAL NOT NULL, told TEXT NOT NULL
    ) STRICT;
    """,
)
"""How each version came from the one before: an upgrade keeps what is there."""
MOST: Final = 20_000
"""Rules at a time: a script that adds one an alert is stopped before it fills memory."""
KEPT_S: Final = 30 * 86_400.0
"""How long a rule that has expired stays in the list."""
_PATIENCE_S: Final = 5.0
_COLUMNS: Final = ("id", *CONDITIONS, "reason", "author", "created_at", "expires_at")
_SELECT: Final = f"SELECT {', '.join(_COLUMNS)} FROM rule ORDER BY number"  # noqa: S608 - our own column names
_INSERT: Final = f"INSERT INTO rule ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - same


class RuleStore:
    """Keeps rules; ``rules`` are all there are, oldest first, and another object whenever they change.

    Those of a file come behind the others. ``problem`` says what is wrong with the file, None if nothing is.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        """Open the file, make it if it is missing, and bring an older one up to date.

        Raises
        ------
        StateError
            If it is not ours, is damaged, cannot be written, or was written by a later version.
        """
        self._clock = clock
        self._lock = threading.Lock()
        self._of_file: tuple[Rule, ...] = ()
        self.problem: str | None = None
        self._connection = open_rules(path)
        try:
            self.rules: tuple[Rule, ...] = self._read()
        except sqlite3.Error as error:
            raise _unusable(path, error) from error

    def now(self) -> float:
        """Return the wall-clock time by which rules expire, epoch seconds."""
        return self._clock()

    def add(self, wanted: Conditions, reason: str, author: str, lasting_s: float | None) -> Rule:
        """Keep a new rule, durable when this returns; it never expires if `lasting_s` is None.

        Raises
        ------
        RuleError
            If a condition is wrong, or none or no reason is given.
        TooManyRulesError
            If there are too many.
        sqlite3.Error
            If the disk refuses.
        """
        if not reason.strip():
            raise RuleError("reason: expected why these alerts are hidden; whoever finds the rule later has to know")
        now = self._clock()
        end = None if lasting_s is None else now + lasting_s
        rule = Rule(f"r-{secrets.token_hex(6)}", conditions_of(wanted), reason.strip(), author, now, end)
        with self._changing() as connection:
            connection.execute("DELETE FROM rule WHERE expires_at < ?", (now - KEPT_S,))
            if connection.execute("SELECT count(*) FROM rule").fetchone()[0] >= MOST:
                raise TooManyRulesError(f"there are {MOST} rules already; remove some, or name networks and domains")
            connection.execute(_INSERT, _row(rule))
        return rule

    def remove(self, identifier: str) -> Rule:
        """Remove a rule; return what it was.

        Raises
        ------
        NoRuleError
            If there is none of this identifier.
        RuleInFileError
            If it stands in a file.
        sqlite3.Error
            If the disk refuses.
        """
        with self._changing() as connection:
            found = next((rule for rule in self.rules if rule.id == identifier), None)
            if found is not None and found.source:
                raise RuleInFileError(
                    f"this rule stands in {found.source}; remove it there, and have the file read again with SIGHUP"
                )
            if found is None:
                raise NoRuleError("no rule of this identifier; `nslabs rules list` shows those that there are")
            connection.execute("DELETE FROM rule WHERE id = ?", (identifier,))
        return found

    def read_file(self, path: Path) -> None:
        """Take in the rules of a file, in place of those that it had before.

        Raises
        ------
        RuleFileError
            If it is wrong; nothing has changed then.
        sqlite3.Error
            If the other rules cannot be read.
        """
        found = rules_in(path)
        if len(found) > MOST:
            raise RuleFileError(f"rules {path}: expected {MOST} at most, found {len(found)}")
        with self._lock:
            self._of_file = found
            self.rules = self._read()
        self.problem = None

    def read_file_again(self, path: Path) -> None:
        """Do so while the service runs: what is wrong is told in one line, and the rules of before stay."""
        try:
            self.read_file(path)
        except (RuleFileError, sqlite3.Error) as error:
            self.problem = f"{error}; the rules of before stay in force"
            _log.error("%s", self.problem)
        else:
            _log.info("rules %s: read again, %d rules", path, len(self._of_file))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
            self.rules = self._read()

    def _read(self) -> tuple[Rule, ...]:
        return (*(_rule(*row) for row in self._connection.execute(_SELECT)), *self._of_file)


def mutes_in(path: Path, file: Path | None = None) -> Mutes:
    """Return the rules that are kept there now, and those of a file, for a command that ends by itself."""
    rules: tuple[Rule, ...] = () if file is None else rules_in(file)
    if path.exists():
        store = RuleStore(path)
        rules = (*store.rules, *rules)
        store.close()
    return Mutes(lambda: rules, time.time)


def open_rules(path: Path) -> sqlite3.Connection:
    """Open the file of rules and maintenance windows, make it if it is missing, and bring an older one up to date.

    Raises
    ------
    StateError
        If it is not ours, is damaged, cannot be written, or was written by a later version.
    """
    try:
        connection = sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False)
        _prepare(connection, path)
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    return connection


def _unusable(path: Path, error: sqlite3.Error) -> StateError:
    helps = remedy(error) or "move the file away to begin without rules, or restore a copy of it"
    return StateError(f"rules {path}: {error}; {helps}")


def _row(rule: Rule) -> tuple[Any, ...]:
    conditions = [getattr(rule.conditions, name) for name in CONDITIONS]
    return (rule.id, *conditions, rule.reason, rule.author, rule.created_at, rule.expires_at)


def _rule(identifier: str, *row: Any) -> Rule:
    conditions, rest = row[: len(CONDITIONS)], row[len(CONDITIONS) :]
    return Rule(identifier, Conditions(*conditions), *rest)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    # FULL: whoever was told of a rule can rely on it. There are few writes.
    connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
    version, application = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "application_id")
    )
    is_empty = not connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
    if (application != APPLICATION_ID and not is_empty) or version > len(STEPS):
        raise StateError(
            f"rules {path}: expected version {len(STEPS)} or older of this program's rules, found version {version};"
            " run the version that wrote it, or move the file away to begin without rules"
        )
    steps = " ".join(STEPS[version:])
    if steps:
        numbers = f"PRAGMA user_version={len(STEPS)}; PRAGMA application_id={APPLICATION_ID};"
        connection.executescript(f"BEGIN IMMEDIATE; {steps} {numbers} COMMIT;")
