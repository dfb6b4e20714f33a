"""What forwarders put around a JSON record: a syslog header or ``@cee:`` before it, an object that holds it as text.

Only what is unmistakable is taken off: a whole header, and then at once the object. Text anywhere else in a line may be
anybody's who can have a program log something.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

BOM: Final = b"\xef\xbb\xbf"

_ISO: Final = rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
_BSD: Final = rb"(?:[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d{1,9})?)"
_PRIORITY: Final = rb"<\d{1,3}>"
_WORD: Final = rb"[!-~]{1,255}"
_TAG: Final = rb"[!-Z\\^-z|~]{1,128}(?:\[[!-Z^-~]{0,64}\])?: ?"
_PARAMETERS: Final = rb'(?:\[(?:[^"\]]|"(?:[^"\\]|\\.)*")*\])+'
_CEE: Final = rb"@cee: ?"
_HEADERS: Final = re.compile(
    b"|".join(
        (
            # RFC 5424: <priority>version time host program process message-id structured-data
            rb"%s\d{1,2} (?:-|%s) %s %s %s %s (?:-|%s) (?:\xef\xbb\xbf)?(?:%s)?"
            % (_PRIORITY, _ISO, _WORD, _WORD, _WORD, _WORD, _PARAMETERS, _CEE),
            # RFC 3164, as it is sent and as syslog daemons write it: time host program[process]:
            rb"(?:%s)?(?:%s|%s) (?:%s )?%s(?:%s)?" % (_PRIORITY, _BSD, _ISO, _WORD, _TAG, _CEE),
            # What container runtimes write (CRI): time stream F(ull)
            rb"%s (?:stdout|stderr) F " % _ISO,
            rb"(?:%s)?%s" % (_PRIORITY, _CEE),
        )
    )
)
_WRAPPING_KEYS: Final = ("log", "message", "MESSAGE", "event")
"""Docker's json-file and fluentd; filebeat, logstash and vector; journald; Splunk's HTTP collector."""
_ORIGINAL: Final = "original"
"""What Elastic's common schema names the text from which the fields of ``event`` were made."""
_HOLDING_KEYS: Final = ("event", "json")
"""AWS Network Firewall and Splunk's HTTP collector; filebeat, unless it is told to put the keys under the root."""
_OF_RECORDS: Final = frozenset({"ts", "_path", "event_type"})
_FEWEST: Final = 8


def object_begins(line: bytes) -> int:
    """Return where the JSON object begins after a header, -1 if the line is nothing of that kind.

    Examples
    --------
    >>> object_begins(b'@cee: {"ts":1}'), object_begins(b'Jan  5 00:01:00 fw zeek[9]: {'), object_begins(b"I say {")
    (6, 28, -1)
    """
    match = _HEADERS.match(line)
    return match.end() if match and line[match.end() : match.end() + 1] == b"{" else -1


def wrapped(record: Mapping[str, Any]) -> Mapping[str, Any] | bytes | None:
    """Return the record that another object holds, as an object or as the text of one; None if it holds none.

    A record of a sensor holds none, whatever is in its fields.
    """
    if not record.keys().isdisjoint(_OF_RECORDS):
        return None
    for key in _HOLDING_KEYS:
        if isinstance(held := record.get(key), dict) and not held.keys().isdisjoint(_OF_RECORDS):
            return held
    event = record.get("event")
    original = event.get(_ORIGINAL) if isinstance(event, dict) else None
    texts = (_text_of_object(value) for value in (*map(record.get, _WRAPPING_KEYS), original))
    return next((text for text in texts if text is not None), None)


def _text_of_object(value: object) -> bytes | None:
    if not isinstance(value, str):
        return None
    text = value.strip().encode()
    begin = 0 if text.startswith(b"{") else object_begins(text)
    return text[begin:] if begin >= 0 else None


def is_utf16(line: bytes) -> bool:
    """Say whether every other byte of a line is NUL, as in UTF-16 of what logs are made of.

    Lines of a file of 16-bit characters are cut in the middle of a character, so either half may come first.
    """
    if len(line) < _FEWEST:
        return line.startswith((b"\xff\xfe", b"\xfe\xff"))
    return any(4 * line[half::2].count(0) > 3 * (len(line) // 2) for half in (0, 1))
