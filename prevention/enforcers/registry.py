"""Finds an enforcer by its name among the installed packages' entry points."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from prevention.errors import EnforcerSetupError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from prevention.enforcers.protocol import Enforcer

GROUP: Final = "networksecuritylabs.enforcers"


def load_enforcer(name: str, settings: Mapping[str, Any], state: Path) -> Enforcer:
    """Make an enforcer of its settings.

    Parameters
    ----------
    name
        The entry point's name.
    settings
        Its table of the configuration.
    state
        A folder that it may keep files in.

    Raises
    ------
    EnforcerSetupError
        If there is none of that name, or a setting is wrong.
    """
    known = entry_points(group=GROUP)
    found = next((entry for entry in known if entry.name == name), None)
    if found is None:
        names = ", ".join(sorted({entry.name for entry in known})) or "none is installed"
        raise EnforcerSetupError(f"unknown enforcer [{name[:40]}]; expected one of: {names}")
    try:
        made: Enforcer = found.load()(settings, state)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise EnforcerSetupError(f"enforcer [{name}]: {place}: {first['msg']}") from error
    return made
