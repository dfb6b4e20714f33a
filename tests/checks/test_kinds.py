"""Every built-in kind, and every declaration that comes with the package, passes every check."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest

from checks.kind import CHECKS
from checks.subject import Subject
from online_models.kinds import BUILT_IN, EXAMPLES, KINDS, declare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module", autouse=True)
def _declared() -> Iterator[None]:
    """Declare the examples, and nothing afterwards."""
    declare(EXAMPLES)
    yield
    declare([])


@cache
def subject(name: str) -> Subject:
    return Subject(KINDS[name])


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", [*BUILT_IN, *EXAMPLES])
def test_a_kind_holds(name: str, check: Callable[[Subject], None]) -> None:
    check(subject(name))
