"""Domains through the site's resolver: a response-policy zone for BIND, unbound, Knot or PowerDNS, and a hosts file.

Neither ends anything by itself: the process that runs this lifts what is over.
"""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from prevention.blocks import BlockKey
from prevention.enforcers.ledger import replace_file
from prevention.enforcers.protocol import Abilities, Standing
from prevention.errors import EnforcerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from prevention.enforcers.protocol import Order

_TIMEOUT_S: Final = 5.0
_READABLE: Final = 0o644
"""The resolver runs as another user."""
_LINE: Final = re.compile(r"^(\S+) CNAME \.$", re.MULTILINE)


class Settings(BaseModel):
    """Its table of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    zone_file: Path | None = Field(default=None, description="the response-policy zone")
    hosts_file: Path | None = Field(default=None, description="for dnsmasq's addn-hosts; exact names only")
    reload: tuple[tuple[str, ...], ...] = Field(default=(), description="commands that have the resolver read them")

    @model_validator(mode="after")
    def _has_a_file(self) -> Settings:
        if self.zone_file is None and self.hosts_file is None:
            raise ValueError("expected zone_file, hosts_file or both")
        return self


def make(settings: Mapping[str, Any], state: Path) -> Dns:
    """Return the enforcer that a table of the configuration describes."""
    del state  # the files are what it holds
    return Dns(Settings.model_validate(dict(settings)))


class Dns:
    """Writes both files anew with every change, and has the resolver read them.

    What the files say is what is held, so that somebody's edit is seen and mended. A reload that failed is tried again
    until it works; it is also done once at the start.
    """

    name = "dns"
    abilities = Abilities(frozenset({"domain"}), expires=False)

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._is_read = False

    def apply(self, orders: Sequence[Order]) -> None:
        """Add domains and all below them."""
        self._write({*self._domains(), *(order.block.key.domain for order in orders)})

    def revoke(self, keys: Sequence[BlockKey]) -> None:
        """Remove domains."""
        self._write(set(self._domains()) - {key.domain for key in keys})

    def list(self) -> Sequence[Standing]:
        """Return the domains that every file has; what only one has is removed from it."""
        held, some = self._domains(), self._domains(set.union)
        if some - held:
            self._write(held)
        elif not self._is_read:
            self._reload()
        return [Standing(BlockKey("block", "domain", domain=domain)) for domain in sorted(held)]

    def close(self) -> None:
        """Leave the files as they are."""

    def _domains(self, combine: Callable[..., set[str]] = set.intersection) -> set[str]:
        zone_file, hosts_file = self._settings.zone_file, self._settings.hosts_file
        files = ((zone_file, _in_zone), (hosts_file, _in_hosts))
        return combine(*(read(_text(path)) for path, read in files if path is not None))

    def _write(self, domains: Iterable[str]) -> None:
        names = sorted(domains)
        if self._settings.zone_file is not None:
            replace_file(self._settings.zone_file, zone(names, int(self._clock())).encode(), _READABLE)
        if self._settings.hosts_file is not None:
            replace_file(self._settings.hosts_file, hosts(names).encode(), _READABLE)
        self._reload()

    def _reload(self) -> None:
        self._is_read = False
        for command in self._settings.reload:
            try:
                done = subprocess.run(  # noqa: S603 - the command of the configuration, no shell
                    list(command), capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise EnforcerError(f"dns: {' '.join(command)}: {error}") from error
            if done.returncode:
                problem = " ".join((done.stderr or done.stdout).split())[:200]
                raise EnforcerError(f"dns: {' '.join(command)}: {problem}")
        self._is_read = True


def zone(domains: Iterable[str], serial: int) -> str:
    """Return a response-policy zone in which these domains, and all below them, do not exist.

    Parameters
    ----------
    domains
        Names in lower case without the last dot.
    serial
        Grows with every change, so that secondaries fetch it.
    """
    head = f"$TTL 30\n@ SOA localhost. nslabs.localhost. {serial} 3600 600 86400 30\n@ NS localhost.\n"
    return head + "".join(f"{domain} CNAME .\n*.{domain} CNAME .\n" for domain in domains)


def hosts(domains: Iterable[str]) -> str:
    """Return a hosts file in which these names lead nowhere."""
    lines = [f"0.0.0.0 {domain}\n:: {domain}\n" for domain in domains]
    return "# written by nslabs; edits are lost\n" + "".join(lines)


def _in_zone(text: str) -> set[str]:
    names = set(_LINE.findall(text))
    return {name for name in names if f"*.{name}" in names}


def _in_hosts(text: str) -> set[str]:
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return {words[1] for words in lines if len(words) == 2}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise EnforcerError(f"dns: {path}: {error.strerror}") from error
