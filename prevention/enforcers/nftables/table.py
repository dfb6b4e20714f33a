"""Our table as it is in the kernel, through the `nft` command; needs CAP_NET_ADMIN, and nothing else."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any, Final

from prevention.enforcers.nftables.elements import Element, read
from prevention.enforcers.nftables.layout import MARK, TableLayout
from prevention.errors import EnforcerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TIMEOUT_S: Final = 5.0
_MISSING: Final = "No such file or directory"
Object = dict[str, Any]


class NftTable:
    """Reads and changes it; each change is one transaction."""

    def __init__(self, layout: TableLayout, command: Sequence[str]) -> None:
        self._layout = layout
        self._command = tuple(command)
        self.made = 0

    def elements(self) -> list[Element]:
        """Return all elements of our sets. A table that is gone or incomplete is made again first."""
        listed = self._listed()
        if not self._is_complete(listed):
            self._make()
            listed = self._listed()
        given = [(one["set"]["name"], element) for one in listed for element in one.get("set", {}).get("elem", [])]
        found = [read(name, element) for name, element in given]
        return [element for element in found if element is not None]

    def command(self, verb: str, set_name: str, *values: Any) -> Object:
        """Return a command about elements of a set."""
        return {verb: {"element": {**self._place, "name": set_name, "elem": list(values)}}}

    def emptied(self, set_name: str) -> Object:
        """Return the command that empties a set."""
        return {"flush": {"set": {**self._place, "name": set_name}}}

    def run(self, commands: Sequence[Object]) -> None:
        """Do all of them or none.

        Raises
        ------
        EnforcerError
            If nftables refuses, or is not there.
        """
        if commands:
            self._nft("--json", "--file", "-", given=json.dumps({"nftables": commands}))

    @property
    def _place(self) -> dict[str, str]:
        return {"family": self._layout.family, "table": self._layout.table}

    def _make(self) -> None:
        """Make the table, or mend it; one that somebody has changed so that it cannot be mended is made anew."""
        create = self._layout.create()
        try:
            self._nft("--file", "-", given=create)
        except EnforcerError:
            place = f"{self._layout.family} {self._layout.table}"
            self._nft("--file", "-", given=f"add table {place}\ndelete table {place}\n{create}")
        self.made += 1

    def _is_complete(self, listed: Sequence[Mapping[str, Any]]) -> bool:
        """Whether our sets are there, and each chain with all our rules: without those the elements block nothing.

        Nor do they where the table sleeps, the only flag that it can have got, or where rules of others come first.
        """
        if any("flags" in one["table"] for one in listed if "table" in one):
            return False
        names = {one["set"]["name"] for one in listed if "set" in one}
        rules = sorted((one["rule"]["chain"], one["rule"].get("comment", "")) for one in listed if "rule" in one)
        wanted = sorted((hook, comment) for hook in self._layout.hooks for comment in self._layout.comments())
        hooked = {one["chain"]["name"] for one in listed if "chain" in one and self._is_hooked(one["chain"])}
        ours = [rule for rule in rules if rule[1].startswith(f"{MARK} ")]
        is_first = all(self._begins_with_ours(listed, hook) for hook in self._layout.hooks)
        return self._layout.set_names() <= names and ours == wanted and is_first and set(self._layout.hooks) <= hooked

    def _is_hooked(self, chain: Mapping[str, Any]) -> bool:
        return (chain.get("type"), chain.get("hook"), chain.get("prio")) == (
            "filter",
            chain["name"],
            self._layout.priority,
        )

    def _begins_with_ours(self, listed: Sequence[Mapping[str, Any]], hook: str) -> bool:
        rules = [one["rule"].get("comment", "") for one in listed if "rule" in one and one["rule"]["chain"] == hook]
        return rules[: len(self._layout.comments())] == self._layout.comments()

    def _listed(self) -> list[Object]:
        try:
            text = self._nft("--json", "list", "table", self._layout.family, self._layout.table)
        except EnforcerError as error:
            if _MISSING in str(error):
                return []
            raise
        try:
            objects: list[Object] = json.loads(text)["nftables"]
        except ValueError:  # nft 1.0.6 writes nonsense where a table sleeps
            return []
        return objects

    def _nft(self, *arguments: str, given: str = "") -> str:
        command = [*self._command, *arguments]
        try:
            done = subprocess.run(  # noqa: S603 - the command of the configuration, no shell, values by stdin
                command, input=given, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EnforcerError(f"nftables: {error}; install nftables, and give the process CAP_NET_ADMIN") from error
        if done.returncode:
            raise EnforcerError(f"nftables: {' '.join((done.stderr or done.stdout).split())[:300]}")
        return done.stdout
