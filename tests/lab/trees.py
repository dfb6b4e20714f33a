"""Another commit of the product, checked out beside this one; it stays under ``.lab``, with its compiled loops."""

from __future__ import annotations

import subprocess

from lab.detector import PROJECT
from lab.running import CACHE, Tree


class NoCommitError(Exception):
    """There is no such commit."""


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=PROJECT, check=False, capture_output=True, text=True)
    if done.returncode:
        raise NoCommitError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def checked_out(commit: str) -> Tree:
    """Return the tree of a commit.

    Its folder has the commit in its name: the product compiles its loops anew for every path that it is started from.

    Raises
    ------
    NoCommitError
        There is no such commit.
    """
    short = _git("rev-parse", "--short=12", f"{commit}^{{commit}}")
    folder = CACHE / "trees" / short
    if not (folder / "api").is_dir():
        _git("worktree", "prune")
        _git("worktree", "add", "--detach", str(folder), short)
    return Tree.at(short, folder)
