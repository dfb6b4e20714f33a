"""What tests of several rooms share: where the project lies, and the real captures that lie beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# How long one example takes says more of the machine's load than of the code; benchmarks measure time.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def project() -> Path:
    """Return the project's root folder."""
    return PROJECT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real captures; skip where it is absent."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"../shared/data absent ({folder})")
    return folder
