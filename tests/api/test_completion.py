"""Shells complete commands and options: the scripts are run by the shells that they are for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app

BIN = Path(sys.executable).parent
ASKED = {
    "bash": (
        "source <(nslabs completion bash); COMP_WORDS=(nslabs {words}); COMP_CWORD={last}; _nslabs_completion nslabs;"
        ' printf "%s\\n" "${{COMPREPLY[@]}}"'
    ),
    # the completion system needs a terminal; what the script hands it is looked at instead
    "zsh": (
        '_arguments() {{ print -l -- "$@"; }}; _describe() {{ print -l -- "$@"; }}; compdef() {{ :; }};'
        " words=(nslabs {words}); CURRENT={place};"
        " nslabs completion zsh > script; source ./script; eval _nslabs_completion; print -l -- $completions"
    ),
    "fish": 'nslabs completion fish | source; complete --do-complete "nslabs {words}"',
}


def completed(shell: str, words: str, folder: Path) -> str:
    """Return what a shell offers for the last of these words."""
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} not on PATH: apt install {shell}")
    count = len(words.split())
    script = ASKED[shell].format(words=words, last=count, place=count + 1)
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder)}
    flags = ["--no-rcs"] if shell == "zsh" else []
    done = subprocess.run(
        [shell, *flags, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env=environment,
        timeout=60,
    )
    return done.stdout


@pytest.mark.parametrize("shell", sorted(ASKED))
def test_shells_complete_commands_of_commands(shell: str, tmp_path: Path) -> None:
    offered = completed(shell, "rules re", tmp_path)
    assert "remove" in offered
    assert "add" not in offered.split()


@pytest.mark.parametrize("shell", sorted(ASKED))
def test_shells_complete_options(shell: str, tmp_path: Path) -> None:
    assert "--behaviour" in completed(shell, "rules add --beh", tmp_path)


def test_another_shell_is_refused() -> None:
    result = CliRunner().invoke(app, ["completion", "tcsh"])
    assert result.exit_code == 2
    assert "'bash', 'zsh', 'fish'" in result.output
