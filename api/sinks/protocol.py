"""What a sink is, and what it is given. Anybody's package can add one: an entry point of `GROUP` that makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from api.alert import alert_fields
from api.errors import ServiceError
from api.state.store.changes import Event  # noqa: TC001 - part of the contract: who imports this imports it

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.context.identity import Identity
    from online_models.types import Alert

GROUP: Final = "networksecuritylabs.sinks"
EVENTS: Final[tuple[Event, ...]] = ("raised", "graver", "updated", "closed", "muted", "drift")


@dataclass(frozen=True, slots=True)
class Notice:
    """One change of one alert, in the alert's latest state.

    Attributes
    ----------
    number
        Its place among all changes of the store; rises.
    event
        ``raised``, also when it is muted no longer; ``graver``: its severity rose; ``updated``; ``closed``; ``muted``:
        a rule hides it from now on; ``drift``: many devices began the same, told as the gravest of their alerts with
        the drift's identifier and sentence.
    alert, owner
        The alert, and who is behind its device, if that is known.
    at
        When it changed, wall clock, epoch seconds.
    link
        Where the page shows it.
    is_told
        False for an alert that belongs to a drift, which speaks for it to people.
    """

    number: int
    event: Event
    alert: Alert
    owner: Identity | None = None
    at: float = 0.0
    link: str = ""
    is_told: bool = True

    @property
    def key(self) -> str:
        """The same for every time that this notice is sent, and for no other."""
        return f"{self.alert.id}.{self.number}"

    def fields(self) -> dict[str, Any]:
        """Return the alert's fields (docs/alert.md)."""
        return alert_fields(self.alert, self.owner, self.link)


class Sink(Protocol):
    """Sends notices to one receiver. Used by one task at a time, in the asyncio loop, which it must not hold up.

    Attributes
    ----------
    events
        What it is sent where its table does not say.
    for_people
        Alerts that a drift speaks for are left out.
    confirms
        The receiver has a notice once `send` returns. Otherwise it has it once `flush` does, and until then all that
        was sent since the last one may be sent again.
    """

    events: frozenset[Event]
    for_people: bool
    confirms: bool

    async def send(self, notice: Notice) -> None:
        """Send a notice.

        Raises
        ------
        SinkError
            If it was not taken; it is sent again later, and nothing else before it.
        RefusedError
            If the receiver will never take this one; it is passed over, and that is told.
        """

    async def flush(self) -> None:
        """Return once all that was sent is the receiver's; raises what `send` does."""

    async def close(self) -> None:
        """Free connections and files."""


class SinkFactory(Protocol):
    """What an entry point names."""

    def __call__(self, settings: Mapping[str, Any], name: str) -> Sink:
        """Make a sink of its table of the configuration; pydantic's ValidationError tells what is wrong in it."""


class SinkError(Exception):
    """A receiver did not take a notice, and may later; the message is one line that names the receiver."""


class RefusedError(Exception):
    """A receiver will never take this notice; the message is one line that names the receiver."""


class SinkSetupError(ServiceError):
    """A table of a sink is wrong; the message says which, and what was expected."""
