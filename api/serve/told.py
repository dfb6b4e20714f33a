"""What can be told already of a device or of the site, and from when on the rest, as answers say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from api.moments import shown_time

if TYPE_CHECKING:
    from online_models.young import Watched


class LaterAnswer(BaseModel):
    """What cannot be told in full yet."""

    what: str = Field(examples=["new peers outside and amounts"])
    from_ts: float | None = Field(
        description="log time from which it can, if records go on coming; null while there are none"
    )
    in_s: float = Field(description="seconds of being watched that are missing until then")


def later_answers(watched: Watched) -> list[LaterAnswer]:
    """Return what is told later, the soonest first."""
    return [
        LaterAnswer(what=what, from_ts=watched.until + left if watched.until else None, in_s=left)
        for what, left in watched.later()
    ]


def told_in_words(watched: Watched) -> str:
    """Say in one line what can be told, and what later."""
    later = [
        f"{one.what} {f'after {one.in_s / 3600:.2g} h of traffic' if one.from_ts is None else since(one.from_ts)}"
        for one in later_answers(watched)
    ]
    return f"can be told already: {', '.join(watched.told())}" + (f"; later: {', '.join(later)}" if later else "")


def since(moment: float) -> str:
    """Say from which moment of log time on."""
    return f"from {shown_time(moment)} on"
