"""The names of a connection's ends, whatever separates them: ``id.orig_h``, ``id_orig_h``, or ``orig_h`` inside ``id``.

Zeek joins the names of a record and of its fields with ``Log::default_scope_sep``; forwarders replace the point, since
some databases take it for a path, or nest the fields.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

ENDS: Final = ("id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p")
_SPELLED: Final = re.compile(r"(id[^0-9A-Za-z]{0,8})(orig|resp)([^0-9A-Za-z]{1,8})(?:h|p)")


def spelled_ends(names: Iterable[str]) -> dict[str, str]:
    """Return how the names of the ends are spelled where the first among ``names`` is; empty if that is the usual way.

    Examples
    --------
    >>> spelled_ends(["ts", "id_orig_h", "id_resp_h"])["id.resp_p"], spelled_ends(["ts", "id.orig_h"])
    ('id_resp_p', {})
    """
    listed = list(names)
    first = next((match for name in listed if name.startswith("id") and (match := _SPELLED.fullmatch(name))), None)
    if ENDS[0] in listed or first is None:
        return {}
    before, between = first[1], first[3]
    ends = (("orig", "h"), ("orig", "p"), ("resp", "h"), ("resp", "p"))
    return {f"id.{end}_{part}": f"{before}{end}{between}{part}" for end, part in ends}


def with_usual_names(fields: tuple[str, ...]) -> tuple[str, ...]:
    """Return column names with the usual names for the ends."""
    usual = {spelled: name for name, spelled in spelled_ends(fields).items()}
    return tuple(usual.get(name, name) for name in fields)


def with_usual_keys(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record with the usual keys for its ends."""
    if ENDS[0] in record:
        return record
    if isinstance(nested := record.get("id"), dict):
        return {**record, **{name: nested.get(name.removeprefix("id.")) for name in ENDS}}
    spelled = spelled_ends(record)
    return {**record, **{name: record.get(key) for name, key in spelled.items()}} if spelled else record
