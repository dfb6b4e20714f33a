"""The examples in the docstrings of the models are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import online_models

MODULES = sorted(found.name for found in pkgutil.walk_packages(online_models.__path__, "online_models."))


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_show(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder()
    examples = [e for name in MODULES for test in finder.find(importlib.import_module(name)) for e in test.examples]
    assert len(examples) >= 10
