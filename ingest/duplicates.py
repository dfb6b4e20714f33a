"""The package json-streaming-logs writes every log a second time; only one of the two is followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ingest.listing import Entry


class Duplicates:
    """Chooses, once for each stream, between ``conn.log`` and ``json_streaming_conn.log``.

    The ordinary log is taken where both are there at first sight; the choice then stays, or a rotation's gap would
    change it and every record would come twice.
    """

    def __init__(self) -> None:
        self._streaming: dict[str, bool] = {}
        self._left_out: set[str] = set()

    def without(self, entries: Iterable[Entry]) -> list[Entry]:
        """Return the entries without those that hold a duplicate."""
        entries = list(entries)
        for entry in sorted(entries, key=lambda entry: entry.name.streaming):
            self._streaming.setdefault(entry.name.stream, entry.name.streaming)
        chosen = [entry for entry in entries if self._streaming[entry.name.stream] == entry.name.streaming]
        self._left_out.update(entry.name.stream for entry in entries if entry not in chosen)
        return chosen

    def told(self) -> list[str]:
        """Return one sentence for each stream that is written twice."""
        names = ((f"json_streaming_{stream}", stream) for stream in sorted(self._left_out))
        followed = ((pair if self._streaming[pair[1]] else pair[::-1]) for pair in names)
        return [f"{other} is left out: it holds the same records as {chosen}" for chosen, other in followed]

    def state(self) -> dict[str, Any]:
        """Return the choices in JSON types."""
        return {"streaming": [stream for stream, chosen in self._streaming.items() if chosen]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up the choices that `state` returned."""
        self._streaming = dict.fromkeys(state["streaming"], True)
