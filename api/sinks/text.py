"""What a person reads of a notice: a template of the operator's, filled with what came from logs as harmless text."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator

from api.sinks.times import iso_utc

if TYPE_CHECKING:
    from api.sinks.protocol import Notice

_PLAIN: Final = (
    "id", "device", "behaviour", "log", "severity", "score", "count", "sentence", "status", "technique", "verdict",
    "comment", "incident", "drift", "site", "mac", "host_name", "link",
)  # fmt: skip
FIELDS: Final = frozenset({*_PLAIN, "event", "name", "time", "reasons", "peers", "targets"})
"""What a template may name."""

_OBEYED: Final = str.maketrans({
    "@": "\N{FULLWIDTH COMMERCIAL AT}",  # @everyone, @channel
    "<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",  # <!channel>, HTML
    ">": "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
    "[": "\N{FULLWIDTH LEFT SQUARE BRACKET}",  # [text](address)
    "]": "\N{FULLWIDTH RIGHT SQUARE BRACKET}",
    "`": "\N{MODIFIER LETTER GRAVE ACCENT}",
})  # fmt: skip
"""What chats, mail programs and Markdown obey within a text."""


def _template(text: str) -> str:
    """Return the template, or raise what pydantic reports."""
    template = Template(text)
    unknown = sorted(set(template.get_identifiers()) - FIELDS)
    if not template.is_valid() or unknown:
        what = f"unknown field ${unknown[0]}" if unknown else "a $ that is followed by no field; write $$ for a dollar"
        raise ValueError(f"{what}; fields are {', '.join('$' + name for name in sorted(FIELDS))}")
    return text


TextTemplate = Annotated[str, AfterValidator(_template)]


def one_line(text: str) -> str:
    """Replace what a terminal or a line-based protocol would obey: control, format and direction characters."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def obeyed_by_nobody(text: str) -> str:
    """Return text on one line in which no chat finds a mention, a link with another name, or markup."""
    return one_line(text).translate(_OBEYED)


def filled(template: str, notice: Notice) -> str:
    """Return the template with the notice's values; only what the operator wrote has line breaks and markup."""
    fields = notice.fields()
    values = {name: "" if fields[name] is None else str(fields[name]) for name in _PLAIN}
    values["score"] = f"{notice.alert.score:.3f}"
    values["event"], values["time"] = notice.event, iso_utc(notice.alert.ts)
    values["name"] = (notice.owner and notice.owner.name) or notice.alert.device
    values["reasons"] = "; ".join(reason.text for reason in notice.alert.reasons if reason.text)
    values["peers"], values["targets"] = ", ".join(notice.alert.peers), ", ".join(notice.alert.targets)
    harmless = {name: obeyed_by_nobody(value) for name, value in values.items()}
    return Template(template).substitute(harmless | {"link": one_line(values["link"])})
