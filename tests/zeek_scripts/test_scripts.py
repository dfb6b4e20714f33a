"""The Zeek package parses, is in the one format, loads only what exists, and says what it does."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest
from zeekscript import Script

FOLDER = Path(__file__).resolve().parents[2] / "zeek-scripts"
SCRIPTS = sorted(FOLDER.rglob("*.zeek"))
PACKAGE = sorted(FOLDER.glob("*.zeek"))
BY_NAME = {FOLDER / "nslabs-verdict.zeek"}  # it opens a port: who wants it says so

each_script = pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
each_of_the_package = pytest.mark.parametrize("path", PACKAGE, ids=lambda path: path.name)


def parsed(path: Path) -> Script:
    script = Script(path)
    assert script.parse(), script.get_error()
    return script


def loads(path: Path) -> list[str]:
    """Return the targets of a script's ``@load`` lines."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.split()[1] for line in lines if line.startswith("@load ")]


def test_a_broken_script_does_not_parse() -> None:
    assert not Script(io.BytesIO(b"redef LogAscii::use_json = ;\n")).parse()


@each_script
def test_script_parses(path: Path) -> None:
    parsed(path)


@each_script
def test_script_is_formatted(path: Path) -> None:
    formatted = io.BytesIO()
    parsed(path).format(formatted)
    assert formatted.getvalue() == path.read_bytes()


@each_of_the_package
def test_script_says_what_loading_it_does(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("##! ")


@each_script
def test_every_script_of_ours_that_is_loaded_exists(path: Path) -> None:
    for target in loads(path):
        if target.startswith("."):
            assert (path.parent / f"{target}.zeek").is_file(), target
        else:
            assert target.split("/")[0] in {"base", "policy"}, f"{target} does not come with Zeek"


def test_loading_the_package_loads_every_script() -> None:
    reached = {(FOLDER / f"{target}.zeek").resolve() for target in loads(FOLDER / "__load__.zeek")}
    assert reached == set(PACKAGE) - BY_NAME - {FOLDER / "__load__.zeek"}


def test_the_package_names_its_script_folder() -> None:
    """Zkg installs ``script_dir`` and loads its ``__load__.zeek``."""
    meta = ConfigParser()
    meta.read(FOLDER / "zkg.meta", encoding="utf-8")
    package = meta["package"]
    assert (FOLDER / package["script_dir"] / "__load__.zeek").is_file()
    assert {"description", "tags", "version", "test_command", "depends"} <= set(package)


def test_every_script_is_documented() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    names = set(re.findall(r"^\| `([a-z-]+)` \|", readme, re.MULTILINE))
    assert names == {path.stem for path in PACKAGE} - {"__load__"}
    assert "@load packages" in readme
    assert ".shadow." in readme


@each_of_the_package
def test_every_exported_name_says_what_it_is(path: Path) -> None:
    """An option, constant, event, hook or type in ``export`` has a line of ``##`` before it."""
    before = ""
    exported = path.read_text(encoding="utf-8").partition("export {")[2].partition("\n}")[0]
    for line in exported.splitlines():
        starts = re.match(r"\t(option|const|global|type) ", line)
        groups = before.startswith(("\toption", "\tconst"))  # two that belong together have one line
        assert not starts or before.startswith("\t##") or groups, line
        before = line


def test_every_test_of_btest_has_a_baseline() -> None:
    testing = FOLDER / "testing"
    tests = {path.stem for path in (testing / "tests").glob("*.zeek")}
    assert tests == {path.parent.name.removeprefix("tests.") for path in (testing / "baseline").glob("*/output")}
    for path in (testing / "tests").glob("*.zeek"):
        assert "@TEST-EXEC: btest-diff output" in path.read_text(encoding="utf-8"), path


def test_the_package_passes_its_own_tests() -> None:
    for program in ("zeek", "btest"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} not on PATH")
    command = ["btest", "-d", "-c", "btest.cfg"]
    done = subprocess.run(command, cwd=FOLDER / "testing", capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr


def test_zeek_accepts_the_package() -> None:
    zeek = shutil.which("zeek")
    if zeek is None:
        pytest.skip("zeek not on PATH")
    done = subprocess.run(
        [zeek, "--parse-only", str(FOLDER / "__load__.zeek")], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
