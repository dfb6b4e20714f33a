"""Who may import whom, who may read the environment, what no module may do, and how long a file may be."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = Path(__file__).resolve().parents[1]
PACKAGES = ("ingest", "online_models", "prevention", "api")
MODULES = sorted(path for package in PACKAGES for path in (PROJECT / package).rglob("*.py"))
LONGEST = 450
"""Lines: a file is cut where its ideas part, which is seldom beyond 300; beyond this one holds more than one idea."""
UNSAFE = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
READS_ENVIRONMENT = {"environ", "environb", "getenv", "getenvb"}

VIOLATIONS = [
    ("ingest", "import online_models.types", "imports go one way"),
    ("online_models", "import prevention", "imports go one way"),
    ("ingest", "import api", "ingest imports nothing of ours"),
    ("prevention", "import fastapi", "FastAPI only in api"),
    ("online_models", "import watchdog.events", "watchdog only in ingest"),
    ("api", "import river.anomaly", "River only in online_models"),
]


def offenders(wrong: Callable[[ast.AST], object], *allowed: Path) -> list[str]:
    """Return the modules in which something is wrong, but for those that are allowed to."""
    found = [path for path in MODULES if path not in allowed and wrong(ast.parse(path.read_text(encoding="utf-8")))]
    return [str(path.relative_to(PROJECT)) for path in found]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check the import contracts of the packages in a folder."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


def imported(tree: ast.AST) -> set[str]:
    """Return the top-level names of every module that a module imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(str(node.module).split(".")[0])
    return names


def reads_environment(tree: ast.AST) -> bool:
    """Whether ``os.environ`` or a function that reads it is named."""
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    return bool(READS_ENVIRONMENT & (attributes | names))


def test_import_contracts_are_kept() -> None:
    done = lint_imports(PROJECT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("package", "statement", "contract"), VIOLATIONS)
def test_import_contracts_catch_a_violation(tmp_path: Path, package: str, statement: str, contract: str) -> None:
    for name in PACKAGES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / "online_models" / "types.py").touch()
    (tmp_path / package / "wrong.py").write_text(statement + "\n", encoding="utf-8")
    shutil.copy(PROJECT / "pyproject.toml", tmp_path)
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = [line for line in done.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(line.startswith(contract) for line in broken), done.stdout


def unpickles(tree: ast.AST) -> bool:
    """Whether a module imports what can run code from data, or lets numpy do so."""
    keywords = [node.value for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg == "allow_pickle"]
    allowed = [value for value in keywords if not (isinstance(value, ast.Constant) and value.value is False)]
    return bool(imported(tree) & UNSAFE or allowed)


def test_only_the_settings_read_the_environment() -> None:
    assert offenders(reads_environment, PROJECT / "api" / "settings.py") == []


@pytest.mark.parametrize(
    "code", ["import os\nos.environ['A']", "from os import getenv", "import os as o\no.getenv('')"]
)
def test_a_read_of_the_environment_is_seen(code: str) -> None:
    assert reads_environment(ast.parse(code))


def test_no_module_unpickles() -> None:
    assert offenders(unpickles) == []


@pytest.mark.parametrize(
    "code", ["import pickle", "def f():\n    from joblib import load", "numpy.load(file, allow_pickle=True)"]
)
def test_unpickling_is_seen(code: str) -> None:
    assert unpickles(ast.parse(code))


def test_a_file_fits_in_a_head() -> None:
    files = {*MODULES, *(PROJECT / "tests").rglob("*.py"), *(PROJECT / "api").rglob("*.js")}
    lengths = {str(path.relative_to(PROJECT)): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}
