"""Which version this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def package_version() -> str:
    """Return the installed version, or ``0+unknown`` where the code runs without having been installed."""
    try:
        return version("networksecuritylabs")
    except PackageNotFoundError:
        return "0+unknown"
