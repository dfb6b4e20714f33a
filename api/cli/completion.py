"""`nslabs completion`: what has a shell complete commands and options."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Shell(StrEnum):
    """A shell that there is a script for."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"


def completion(context: typer.Context, shell: Annotated[Shell, typer.Argument(help="For which shell.")]) -> None:
    """Write the script that has a shell complete `nslabs`, as in: source <(nslabs completion bash)."""
    from typer.completion import shell_complete

    command = context.find_root().command
    raise typer.Exit(shell_complete(command, {}, "nslabs", "_NSLABS_COMPLETE", f"source_{shell.value}"))
