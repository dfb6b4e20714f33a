"""What tests of several rooms share: where the project lies, and the real captures that lie beside it."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from ingest.compiled import numba_config
from online_models.compile import CACHE_DIR

# Sends what tests compile for themselves to a folder that is named by how it is compiled (ingest/compiled), too; numba
# by itself looks at the test's file only, and would load what an earlier version of those made.
numba_config["CACHE_DIR"] = str(CACHE_DIR)

# How long one example takes says more of the machine's load than of the code; benchmarks measure time.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def project() -> Path:
    """Return the project's root folder."""
    return PROJECT


@pytest.fixture(scope="session")
def compiled() -> None:
    """Have the models' loops compiled once, by one of the test processes, before any of them waits for a service."""
    user = os.getuid()  # another user's lock could not be opened
    with (Path(tempfile.gettempdir()) / f"nslabs-tests-compile-{user}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(
            [sys.executable, "-c", "from api.pipeline.warmup import warm_up; warm_up(with_feedback=True)"],
            cwd=PROJECT,
            check=True,
        )


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real captures; skip where it is absent."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"../shared/data absent ({folder})")
    return folder


class FeaturesPage:
    """docs/features.md: its sections by heading, their tables, and what its blocks of Python define."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        parts = re.split(r"^## (.*)\n", self.text, flags=re.MULTILINE)
        self.sections: dict[str, str] = dict(zip(parts[1::2], parts[2::2], strict=True))
        self.functions: dict[str, Any] = {}
        for block in re.findall(r"```python\n(.*?)```", self.text, flags=re.DOTALL):
            exec(textwrap.dedent(block), self.functions)  # noqa: S102 - our own page

    def table(self, section: str, first: str) -> list[list[str]]:
        """Return the cells of the table whose first column has this name, row by row."""
        lines = self.sections[section].split(f"\n| {first} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
        return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.fixture(scope="session")
def features_page(project: Path) -> FeaturesPage:
    """Return the page that documents the features."""
    return FeaturesPage(project / "docs" / "features.md")
