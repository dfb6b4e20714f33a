"""The requests that both clients make, without the sending: method, path, query and body."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from api.client.errors import api_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import BinaryIO

    import httpx2

    from api.client.types import Record, Verdict

TIMEOUT_S: Final = 60.0
"""Scoring and verdicts wait for the pipeline, which may be compiling."""
MOST_BYTES: Final = 16 << 20
"""Of one message of a stream: a batch, or a thousand scores with their reasons."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    upload: Path | None = None

    def arguments(self) -> dict[str, Any]:
        """Return what httpx2 takes."""
        query = {name: _text(value) for name, value in self.query.items() if value is not None}
        return {"method": self.method, "url": self.path, "params": query, "json": self.body}


def _text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def listed(path: str, filters: Mapping[str, Any], cursor: str | None) -> Call:
    """Ask for one page of a list."""
    return Call("GET", path, {**filters, "cursor": cursor})


def one(path: str, identifier: str) -> Call:
    """Ask for one thing; its identifier may hold anything."""
    return Call("GET", f"{path}/{quote(identifier, safe='')}")


def feedback(identifier: str, verdict: Verdict, comment: str | None, *, revise: bool) -> Call:
    """Say what an alert was."""
    said = {"verdict": verdict, "comment": comment, "revise": revise}
    return Call("POST", f"/alerts/{quote(identifier, safe='')}/feedback", body=said)


def feedback_on_many(identifiers: Iterable[str], verdict: Verdict, comment: str | None, *, revise: bool) -> Call:
    """Say the same of several alerts."""
    said = {"alerts": list(identifiers), "verdict": verdict, "comment": comment, "revise": revise}
    return Call("POST", "/alerts/feedback", body=said)


def handle(identifier: str, state: str, ttl: str | float, comment: str | None) -> Call:
    """Put an alert off, or take care of it."""
    body = {"state": state, "ttl": ttl, "comment": comment}
    return Call("PUT", f"/alerts/{quote(identifier, safe='')}/handling", body=body)


def unhandle(identifier: str) -> Call:
    """Have an alert be told again."""
    return Call("DELETE", f"/alerts/{quote(identifier, safe='')}/handling")


def mute(reason: str, conditions: Mapping[str, Any], *, dry_run: bool) -> Call:
    """Make a rule that hides alerts."""
    given = {name: value for name, value in conditions.items() if value is not None}
    return Call("POST", "/rules", {"dry_run": dry_run}, {**given, "reason": reason})


def unmute(identifier: str) -> Call:
    """Take a rule back."""
    return Call("DELETE", f"/rules/{quote(identifier, safe='')}")


def maintain(fields: Mapping[str, Any]) -> Call:
    """Make a maintenance window."""
    return Call("POST", "/maintenance", body=dict(fields))


def end_maintenance(identifier: str) -> Call:
    """End a maintenance window."""
    return Call("DELETE", f"/maintenance/{quote(identifier, safe='')}")


def cancel_job(identifier: str) -> Call:
    """End a training job."""
    return Call("DELETE", f"/machinelearning/jobs/{quote(identifier, safe='')}")


def regroup(identifier: str, how: str, body: Mapping[str, Any] | None = None) -> Call:
    """Merge, split or put back devices."""
    return Call("POST", f"/devices/{quote(identifier, safe='')}/{how}", body=dict(body) if body else None)


def say_of_device(identifier: str, said: Mapping[str, Any]) -> Call:
    """Say what a device is called, and what it is."""
    return Call("PATCH", f"/devices/{quote(identifier, safe='')}", body=dict(said))


def decide(fields: Mapping[str, Any]) -> Call:
    """Ask for a decision."""
    return Call("POST", "/decisions", body=dict(fields))


def confirm(identifier: str) -> Call:
    """Have a suggested decision carried out."""
    return Call("POST", f"/decisions/{quote(identifier, safe='')}/confirm")


def revoke(identifier: str, reason: str | None) -> Call:
    """Take a decision back."""
    body = None if reason is None else {"reason": reason}
    return Call("POST", f"/decisions/{quote(identifier, safe='')}/revoke", body=body)


def predict(records: Iterable[Record]) -> Call:
    """Ask for the score of every record."""
    return Call("POST", "/machinelearning/predict", body={"traffic": list(records)})


def analyze(records: Iterable[Record], *, learn: bool) -> Call:
    """Ask for the anomalous records."""
    return Call("POST", "/traffic/analyze", {"learn": learn}, {"traffic": list(records)})


def train(dataset: Iterable[Record] | Path, attacks: Iterable[str] | None) -> Call:
    """Have records, or a finished log, learned."""
    if isinstance(dataset, Path):
        return Call("POST", "/machinelearning/train", upload=dataset, body=None if attacks is None else list(attacks))
    body = {"dataset": list(dataset), "attacks": None if attacks is None else list(attacks)}
    return Call("POST", "/machinelearning/train", body=body)


def files_of(call: Call, log: BinaryIO) -> dict[str, Any]:
    """Return what httpx2 takes of a call that uploads an opened log."""
    files: dict[str, Any] = {"file": (Path(log.name).name, log)}
    if call.body is not None:
        files["attacks"] = ("attacks.txt", "\n".join(call.body).encode())
    return {**call.arguments(), "json": None, "files": files}


def answered(answer: httpx2.Response) -> Any:
    """Return the JSON of an answer.

    Raises
    ------
    ApiError
        The service refused.
    """
    if answer.is_success:
        return answer.json()
    raise api_error(answer.status_code, answer.content, answer.headers.get("retry-after"))


def headers_of(token: str | None) -> dict[str, str]:
    """Return the headers that say who asks."""
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def socket_url(url: str, path: str) -> str:
    """Return the address of a stream of the service at `url`."""
    scheme, rest = url.rstrip("/").split("://", 1)
    return f"{'wss' if scheme == 'https' else 'ws'}://{rest}{path}"
