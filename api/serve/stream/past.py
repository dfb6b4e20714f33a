"""Messages as they are kept, and as they come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from api.serve.stream.messages import TextMessage
from api.serve.stream.wanted import About
from api.state.store.sequence import KeptMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    from api.state.store.sequence import Archive


@dataclass(frozen=True, slots=True)
class Past:
    """Reads earlier messages of a stream: some that follow a number, and the last ones. Any thread may."""

    after: Callable[[int], list[TextMessage]]
    latest: Callable[[int], list[TextMessage]]


def past(archive: Archive | None) -> Past | None:
    """Return the messages of an archive, if there is one."""
    if archive is None:
        return None
    return Past(
        lambda seq: list(map(_message, archive.after(seq))), lambda count: list(map(_message, archive.latest(count)))
    )


def kept_form(message: TextMessage) -> KeptMessage:
    """Return a message as it is kept."""
    return KeptMessage(message.seq, _about_text(message.about), message.text)


def _message(kept: KeptMessage) -> TextMessage:
    about = _about(orjson.loads(kept.about))
    return TextMessage(kept.seq, kept.text, about.kind, about)


def _about_text(about: About) -> str:
    return orjson.dumps(about, default=sorted).decode()


def _about(told: dict[str, Any]) -> About:
    sets = {name: frozenset(told[name]) for name in ("devices", "behaviours")}
    return About(**(told | sets | {"names": tuple(told["names"])}))
