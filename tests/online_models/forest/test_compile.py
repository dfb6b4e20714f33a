"""Machine code is cached by what it was made from: a change of any source leads to another folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ingest.compiled.compiler import prepare_cache, source_digest
from online_models.budget import choose
from online_models.compile import CACHE_DIR, common, kernel
from online_models.features.table import room_for

KERNEL = """
from online_models import compile
import caller
kept = lambda: sum(1 for _ in compile.CACHE_DIR.rglob("*.nbi"))
print(kept(), caller.outer(20), kept(), compile.CACHE_DIR)
"""
CALLER = """
from online_models.compile import kernel
@kernel
def outer(x: int) -> int:
    return x + 1
"""


def start(project: Path, folder: Path, home: Path) -> list[str]:
    """Run a kernel in a process of its own, with another home directory."""
    (folder / "caller.py").write_text(CALLER)
    environment = {"PATH": os.defpath, "HOME": str(home), "PYTHONPATH": f"{project}:{folder}"}
    done = subprocess.run([sys.executable, "-c", KERNEL], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_the_second_start_finds_what_the_first_compiled(project: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    assert start(project, tmp_path, home)[:3] == ["0", "21", "1"]
    again = start(project, tmp_path, home)
    assert again[:3] == ["1", "21", "1"]
    assert again[3].startswith(str(home / ".cache" / "nslabs" / "numba"))


def test_without_a_writable_home_it_still_compiles(project: Path, tmp_path: Path) -> None:
    """The cache is then a temporary folder, gone when the process ends."""
    *results, folder = start(project, tmp_path, tmp_path / "caller.py")
    assert results == ["0", "21", "1"]
    assert not os.path.lexists(folder)


def test_any_source_changes_the_digest(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.py").write_text("a = 1\n")
    (tmp_path / "deep" / "b.py").write_text("b = 1\n")
    digest = source_digest(tmp_path)
    assert source_digest(tmp_path) == digest
    (tmp_path / "deep" / "b.py").write_text("b = 2\n")
    assert source_digest(tmp_path) != digest


def test_old_folders_leave_and_others_stay(tmp_path: Path) -> None:
    """The last four used digests are kept; what is not a digest is not ours to remove."""
    foreign = tmp_path / "notes"
    foreign.mkdir()
    digests = [f"{i:032x}" for i in range(6)]
    for age, digest in enumerate(digests):
        folder = prepare_cache(tmp_path, digest, kept=6)
        os.utime(folder, (1_000 + age, 1_000 + age))
    prepare_cache(tmp_path, digests[0], kept=4)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"notes", digests[0], *digests[3:]}


def test_a_root_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        prepare_cache(tmp_path / "file", source_digest(tmp_path))


def test_this_process_compiles_into_one_folder() -> None:
    """Every kernel of the package lies there, whichever module defines it."""
    assert CACHE_DIR.is_dir()
    for compiled in (room_for, choose):
        assert Path(vars(compiled)["_cache"].cache_path).is_relative_to(CACHE_DIR)


def test_a_common_part_stands_once_in_its_kernel() -> None:
    @common
    def twice(x: float) -> float:
        return 2.0 * x

    @kernel
    def outer(x: float, y: float) -> float:
        return twice(x) + twice(y)

    assert outer(1.0, 2.0) == 6.0
    compiled: Any = outer
    text = next(iter(compiled.inspect_llvm().values()))
    assert len(re.findall(r"call .*twice", text)) == 2
