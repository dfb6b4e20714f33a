"""Stores of tokens whose time the tests decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from api.state.access import AccessDatabase

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path) -> Iterator[AccessDatabase]:
    """Return a new store in a folder that is yet to be made."""
    opened = AccessDatabase(tmp_path / "state" / "access.sqlite3")
    try:
        yield opened
    finally:
        opened.close()
