"""Another commit of the product, checked out beside this one for as long as it is compared."""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lab.detector import PROJECT
from lab.running import Tree

if TYPE_CHECKING:
    from collections.abc import Iterator


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=PROJECT, check=True, capture_output=True, text=True).stdout.strip()


@contextmanager
def checked_out(commit: str) -> Iterator[Tree]:
    """Yield the tree of a commit; its work tree is removed afterwards.

    Raises
    ------
    subprocess.CalledProcessError
        There is no such commit.
    """
    short = _git("rev-parse", "--short", f"{commit}^{{commit}}")
    with tempfile.TemporaryDirectory(prefix="nslabs-base-") as name:
        folder = Path(name) / "tree"
        _git("worktree", "add", "--detach", str(folder), short)
        try:
            yield Tree.at(short, folder)
        finally:
            _git("worktree", "remove", "--force", str(folder))
