"""The package json-streaming-logs writes every log a second time; only one of the two is followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ingest.follow.listing import ListedFile


_ABSENT_S: Final = 3600.0
"""A log that has no file for so long is not between two files of a rotation; it is not written any more."""


class Duplicates:
    """Chooses, once for each stream, between ``conn.log`` and ``json_streaming_conn.log``.

    The ordinary log is taken where both are there at first sight; the choice then stays, or a rotation's gap would
    change it and every record would come twice. It is made anew when the chosen log is gone for an hour.

    Parameters
    ----------
    clock
        Gives seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._streaming: dict[str, bool] = {}
        self._seen_at: dict[str, float] = {}
        self._left_out: set[str] = set()
        self.names: set[str] = set()

    def without(self, entries: Iterable[ListedFile]) -> list[ListedFile]:
        """Return the entries without those that hold a duplicate, whose names are in `names` afterwards."""
        chosen, self.names = [], set()
        for entry in sorted(entries, key=lambda entry: entry.name.streaming):
            if self._choose(entry.name.stream, streaming=entry.name.streaming):
                chosen.append(entry)
            else:
                self.names.add(entry.file_name)
                self._left_out.add(entry.name.stream)
        return chosen

    def _choose(self, stream: str, *, streaming: bool) -> bool:
        now = self._clock()
        absent = now - self._seen_at.setdefault(stream, now) > _ABSENT_S
        if stream not in self._streaming or (absent and streaming != self._streaming[stream]):
            self._streaming[stream] = streaming
            self._left_out.discard(stream)
        if self._streaming[stream] == streaming:
            self._seen_at[stream] = now
        return self._streaming[stream] == streaming

    def told(self) -> list[str]:
        """Return one sentence for each stream that is written twice."""
        names = ((f"json_streaming_{stream}", stream) for stream in sorted(self._left_out))
        followed = ((pair if self._streaming[pair[1]] else pair[::-1]) for pair in names)
        return [f"{other} is left out: it holds the same records as {chosen}" for chosen, other in followed]

    def state(self) -> dict[str, Any]:
        """Return the choices in JSON types."""
        return {"streaming": dict(self._streaming)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up the choices that `state` returned."""
        self._streaming = dict(state["streaming"])
