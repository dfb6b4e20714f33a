"""What logs, file names and requests contain is data on a terminal, too."""

from __future__ import annotations


def harmless(text: str) -> str:
    """Replace what a terminal would obey or hide: control, format and direction characters."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
