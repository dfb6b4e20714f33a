"""Says when what is read is of no use: lines that cannot be read, or only lines of kinds that are not analysed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.follow.ledger import Ledger

WINDOW_LINES: Final = 1_000
"""The share of lines that cannot be read is taken over about so many of the latest lines of a log."""

HIGH_SHARE: Final = 0.1
"""From this share on, something is wrong with the log; single damaged lines come with every crash of a sensor."""

_FEWEST: Final = 10
_MOST_LOGS: Final = 256
_NAMED: Final = 5
_SURICATA: Final = "suricata_"
_OF_THE_SENSOR: Final = {"stats", "capture_loss", "reporter", f"{_SURICATA}stats"}


class RecentLines:
    """How many of the latest lines of each log could be read, and how many could not."""

    def __init__(self) -> None:
        self._logs: dict[str, tuple[int, int, int, int]] = {}

    def note(self, log: str, usable: int, unusable: int) -> None:
        """Note the lines that were just read of a log."""
        older_usable, older_unusable, good, bad = self._logs.pop(log, (0, 0, 0, 0))
        good, bad = good + usable, bad + unusable
        if good + bad >= WINDOW_LINES // 2:
            older_usable, older_unusable, good, bad = good, bad, 0, 0
        self._logs[log] = older_usable, older_unusable, good, bad
        if len(self._logs) > _MOST_LOGS:
            del self._logs[next(iter(self._logs))]

    def told(self) -> list[str]:
        """Return one sentence for each log of which a high share cannot be read."""
        found = []
        for log, (older_good, older_bad, good, bad) in sorted(self._logs.items()):
            lines, unusable = older_good + older_bad + good + bad, older_bad + bad
            if unusable >= _FEWEST and unusable > HIGH_SHARE * lines:
                found.append(f"{unusable:,} of the latest {lines:,} lines of {log} cannot be read")
        return found

    def state(self) -> dict[str, list[int]]:
        """Return the counts in JSON types."""
        return {log: list(counts) for log, counts in self._logs.items()}

    def restore(self, state: Mapping[str, list[int]]) -> None:
        """Take up the counts that `state` returned."""
        self._logs = {log: (a, b, c, d) for log, (a, b, c, d) in state.items()}


def why_nothing(ledger: Ledger, *, growing: bool = False) -> str | None:
    """Return why none of the lines so far can be scored, and what to do; None if one could, or there was none.

    Of logs that are `growing` a few lines say nothing yet: a sensor's reports on itself and its other logs may be the
    first that it writes.
    """
    if any(ledger.records[kind] for kind in ledger.scored):
        return None
    if growing and not ledger.malformed and _lines_of_others(ledger) < _FEWEST:
        return None
    parts = [*_of_suricata(ledger), *_of_others(ledger), *_of_malformed(ledger)]
    return f"nothing that was read can be scored: {'; '.join(parts)}" if parts else None


def skipped_in_words(skipped: Mapping[str, int]) -> str:
    """Return the kinds of lines that are not analysed with their numbers, the most frequent first."""
    counted = Counter(skipped).most_common()
    more = f" and {len(counted) - _NAMED} more kinds" if len(counted) > _NAMED else ""
    return ", ".join(f"{kind} ({lines:,})" for kind, lines in counted[:_NAMED]) + more


def malformed_in_words(rejected: Mapping[Any, int]) -> str:
    """Return the causes for which lines could not be read with their numbers, the most frequent first."""
    return ", ".join(f"{_CAUSES.get(cause, cause)} ({lines:,})" for cause, lines in Counter(rejected).most_common())


_CAUSES: Final = {
    "not_json": "no JSON",
    "unknown_kind": "of no known log kind",
    "no_header": "without a header that names the fields",
    "prefix": "other text before the JSON object",
    "encoding": "in another encoding than UTF-8",
    "address": "an address that is missing or is none",
    "fields": "wrong number of fields, or a needed one missing",
    "value": "a value of a wrong type",
    "too_long": "too long",
    "cut_off": "cut off",
    "damaged": "in a damaged file",
}


def _lines_of_others(ledger: Ledger) -> int:
    """Return how many lines were read of kinds that no model takes, without the sensors' reports on themselves."""
    counted = Counter(ledger.skipped) + Counter(ledger.records)
    return sum(lines for kind, lines in counted.items() if kind not in _OF_THE_SENSOR)


def _of_suricata(ledger: Ledger) -> list[str]:
    counted = Counter(ledger.skipped) + Counter(ledger.records)
    events = {kind.removeprefix(_SURICATA): n for kind, n in counted.items() if kind.startswith(_SURICATA)}
    if not events:
        return []
    others = events.keys() - {"stats"}
    only = "only netflow events" if others == {"netflow"} else f"only events {skipped_in_words(events)}"
    return [f"{only}; enable flow, dns and http under the types of eve-log in suricata.yaml"]


def _of_others(ledger: Ledger) -> list[str]:
    kinds = {kind: n for kind, n in ledger.skipped.items() if not kind.startswith(_SURICATA)}
    kinds |= {kind: n for kind, n in ledger.records.items() if n and not kind.startswith(_SURICATA)}
    return [f"only lines of {skipped_in_words(kinds)}; one of {', '.join(ledger.scored)} is needed"] if kinds else []


def _of_malformed(ledger: Ledger) -> list[str]:
    if not ledger.malformed:
        return []
    sample = next(iter(ledger.first or ledger.samples), None)
    example = f"; for example {sample.source}, offset {sample.offset}: {sample.reason}" if sample else ""
    return [f"{ledger.malformed:,} lines cannot be read: {malformed_in_words(ledger.rejected)}{example}"]
