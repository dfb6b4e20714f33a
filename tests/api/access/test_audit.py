"""The audit log: what is kept, in which order, and that nobody can wash it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import CursorError
from api.state.access import AccessDatabase, AuditLog, AuditQuery, Deed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def numbers(log: AuditLog, **asked: object) -> list[str]:
    return [entry.object for entry in log.page(AuditQuery(**asked))[0]]  # type: ignore[arg-type] # as the tests name them


def all_pages(log: AuditLog, limit: int) -> Iterator[str]:
    cursor, more = None, True
    while more:
        entries, cursor = log.page(AuditQuery(limit=limit, cursor=cursor))
        assert 0 < len(entries) <= limit
        yield from (entry.object for entry in entries)
        more = cursor is not None


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuditLog]:
    """Return a log of 30 deeds, one a second."""
    database, now = AccessDatabase(tmp_path_factory.mktemp("audit") / "access"), [0.0]
    log = AuditLog(database, lambda: now[0])
    for number in range(30):
        now[0] = float(number)
        log.add(Deed(f"who{number % 3}", "did", str(number), "id", "192.0.2.1", 200))
    yield log
    database.close()


@given(limit=st.integers(1, 40))
def test_pages_are_whole_and_newest_first(filled: AuditLog, limit: int) -> None:
    assert list(all_pages(filled, limit)) == [str(number) for number in reversed(range(30))]


def test_entries_are_found_by_time_and_name(filled: AuditLog) -> None:
    assert numbers(filled, since=10.0, until=12.0) == ["11", "10"]
    assert numbers(filled, who="who0", limit=2) == ["27", "24"]
    with pytest.raises(CursorError):
        filled.page(AuditQuery(cursor="x"))


def test_what_is_refused_cannot_push_out_what_was_done(tmp_path: Path) -> None:
    database = AccessDatabase(tmp_path / "access")
    log = AuditLog(database, kept=100, kept_refused=50)
    for number in range(20):
        log.add(Deed("admin", "did", str(number), status=200))
    for _ in range(700):
        log.add(Deed("", "login", "/alerts", status=401))
    entries, _ = log.page(AuditQuery(limit=1000))
    done = [entry.object for entry in entries if entry.status == 200]
    assert done == [str(number) for number in reversed(range(20))]
    assert len(entries) - len(done) < 50 + 256
    database.close()


def test_long_texts_are_cut(database: AccessDatabase) -> None:
    log = AuditLog(database)
    log.add(Deed("w" * 9999, "a" * 9999, "o" * 9999))
    ((entry,), _) = log.page(AuditQuery())
    assert max(map(len, (entry.who, entry.action, entry.object))) <= 300
