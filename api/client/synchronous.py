"""The client for programs without asyncio."""

from __future__ import annotations

import ssl
import threading
from typing import TYPE_CHECKING, Any

import httpx2
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from api.client import calls
from api.client.resume import Resume, StreamName, refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from websockets.sync.client import ClientConnection

    from api.client.types import Alert, Analysis, BulkResult, Job, Message, Predictions, Record, Verdict


class Client:
    """The service at `url`, such as ``http://127.0.0.1:8000``, asked with a token if it has any.

    Every method raises `ApiError` if the service refuses, and `httpx2.TransportError` if it cannot be reached.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        verify: ssl.SSLContext | bool = True,
        timeout_s: float = calls.TIMEOUT_S,
    ) -> None:
        self._url, self._token = url, token
        self._tls = verify if isinstance(verify, ssl.SSLContext) else None
        self._http = httpx2.Client(base_url=url, headers=calls.headers_of(token), verify=verify, timeout=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(self, call: calls.Call) -> Any:
        """Send a request that has no method of its own; return the answer's JSON."""
        if call.upload is None:
            return calls.answered(self._http.request(**call.arguments()))
        with call.upload.open("rb") as log:
            return calls.answered(self._http.request(**calls.files_of(call, log)))

    def _pages(self, path: str, name: str, filters: dict[str, Any]) -> Iterator[Any]:
        cursor: str | None = None
        while True:
            page = self.send(calls.listed(path, filters, cursor))
            yield from page[name]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def alerts(self, **filters: Any) -> Iterator[Alert]:
        """Yield alerts, those raised last first, page by page; filters are those of ``GET /alerts``."""
        return self._pages("/alerts", "alerts", filters)

    def incidents(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Yield incidents in the same way."""
        return self._pages("/incidents", "incidents", filters)

    def rules(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Yield the rules that mute alerts."""
        return self._pages("/rules", "rules", filters)

    def windows(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Yield the maintenance windows."""
        return self._pages("/maintenance", "windows", filters)

    def devices(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Yield the devices that were seen, those first seen last first."""
        return self._pages("/devices", "devices", filters)

    def decisions(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Yield the decisions of prevention, newest first."""
        return self._pages("/decisions", "decisions", filters)

    def alert(self, identifier: str) -> Alert:
        """Return one alert in its latest state."""
        answer: Alert = self.send(calls.one("/alerts", identifier))
        return answer

    def feedback(self, identifier: str, verdict: Verdict, comment: str | None = None, *, revise: bool = False) -> Alert:
        """Say what an alert was; return it."""
        answer: Alert = self.send(calls.feedback(identifier, verdict, comment, revise=revise))
        return answer

    def feedback_on_many(
        self, identifiers: Iterable[str], verdict: Verdict, comment: str | None = None, *, revise: bool = False
    ) -> list[BulkResult]:
        """Say the same of up to 500 alerts; return what became of each."""
        results: list[BulkResult] = (self.send(calls.feedback_on_many(identifiers, verdict, comment, revise=revise)))[
            "results"
        ]
        return results

    def snooze(self, identifier: str, ttl: str | float, comment: str | None = None) -> Alert:
        """Put an open alert off for so long, seconds or ``4h``: nobody is told meanwhile that it goes on."""
        answer: Alert = self.send(calls.handle(identifier, "snoozed", ttl, comment))
        return answer

    def acknowledge(self, identifier: str, ttl: str | float, comment: str | None = None) -> Alert:
        """Say that somebody takes care of an open alert for so long; it is as quiet as one that was put off."""
        answer: Alert = self.send(calls.handle(identifier, "acknowledged", ttl, comment))
        return answer

    def speak_again(self, identifier: str) -> Alert:
        """End either before its time."""
        answer: Alert = self.send(calls.unhandle(identifier))
        return answer

    def mute(self, reason: str, *, dry_run: bool = False, **conditions: Any) -> dict[str, Any]:
        """Make a rule that hides alerts (conditions of ``POST /rules``), or see what it would have hidden."""
        answer: dict[str, Any] = self.send(calls.mute(reason, conditions, dry_run=dry_run))
        return answer

    def unmute(self, identifier: str) -> dict[str, Any]:
        """Take a rule back; return it."""
        answer: dict[str, Any] = self.send(calls.unmute(identifier))
        return answer

    def maintain(self, **fields: Any) -> dict[str, Any]:
        """Make a maintenance window (fields of ``POST /maintenance``); return it."""
        answer: dict[str, Any] = self.send(calls.maintain(fields))
        return answer

    def end_maintenance(self, identifier: str) -> dict[str, Any]:
        """End a maintenance window, or take back one that has not begun; return it."""
        answer: dict[str, Any] = self.send(calls.end_maintenance(identifier))
        return answer

    def device(self, identifier: str) -> dict[str, Any]:
        """Return one device with its open alerts."""
        answer: dict[str, Any] = self.send(calls.one("/devices", identifier))
        return answer

    def merge_devices(self, identifier: str, other: str) -> dict[str, Any]:
        """Make two devices one; the older stays (``POST /devices/{id}/merge``)."""
        answer: dict[str, Any] = self.send(calls.regroup(identifier, "merge", {"device": other}))
        return answer

    def split_device(self, identifier: str, address: str) -> dict[str, Any]:
        """Make what has an address of a device one of its own (``POST /devices/{id}/split``)."""
        answer: dict[str, Any] = self.send(calls.regroup(identifier, "split", {"address": address}))
        return answer

    def undo_device(self, identifier: str) -> dict[str, Any]:
        """Take back the last merge or split of a device (``POST /devices/{id}/undo``)."""
        answer: dict[str, Any] = self.send(calls.regroup(identifier, "undo"))
        return answer

    def say_of_device(self, identifier: str, **said: Any) -> dict[str, Any]:
        """Say what a device is called (fields of ``PATCH /devices/{id}``); what is left out stays."""
        answer: dict[str, Any] = self.send(calls.say_of_device(identifier, said))
        return answer

    def decision(self, identifier: str) -> dict[str, Any]:
        """Return one decision with its history."""
        answer: dict[str, Any] = self.send(calls.one("/decisions", identifier))
        return answer

    def decide(self, **fields: Any) -> dict[str, Any]:
        """Ask for a decision (fields of ``POST /decisions``); return it."""
        answer: dict[str, Any] = self.send(calls.decide(fields))
        return answer

    def confirm(self, identifier: str) -> dict[str, Any]:
        """Have a suggested decision carried out."""
        answer: dict[str, Any] = self.send(calls.confirm(identifier))
        return answer

    def revoke(self, identifier: str, reason: str | None = None) -> dict[str, Any]:
        """Take a decision back."""
        answer: dict[str, Any] = self.send(calls.revoke(identifier, reason))
        return answer

    def predict(self, records: Iterable[Record]) -> Predictions:
        """Return the score of every record; nothing is learned."""
        answer: Predictions = self.send(calls.predict(records))
        return answer

    def analyze(self, records: Iterable[Record], *, learn: bool = False) -> Analysis:
        """Return the anomalous records; learn them and raise alerts if that is asked for."""
        answer: Analysis = self.send(calls.analyze(records, learn=learn))
        return answer

    def train(self, dataset: Iterable[Record] | Path, attacks: Iterable[str] | None = None) -> Job:
        """Have records, or a finished log, learned; `attacks` are uids that are not normal."""
        answer: Job = self.send(calls.train(dataset, attacks))
        return answer

    def job(self, identifier: str) -> Job:
        """Return how far a training job is."""
        answer: Job = self.send(calls.one("/machinelearning/jobs", identifier))
        return answer

    def jobs(self) -> list[Job]:
        """Return the training jobs that wait, run, or are remembered, the last submitted first."""
        answer: dict[str, list[Job]] = self.send(calls.Call("GET", "/machinelearning/jobs"))
        return answer["jobs"]

    def cancel_job(self, identifier: str) -> Job:
        """End a training job that waits or runs; what it has learned stays learned."""
        answer: Job = self.send(calls.cancel_job(identifier))
        return answer

    def health(self) -> dict[str, Any]:
        """Return ``/health``."""
        answer: dict[str, Any] = self.send(calls.Call("GET", "/health"))
        return answer

    def stream(self, name: StreamName = "alerts", *, since_seq: int | None = None, **filters: Any) -> Stream:
        """Return a stream that goes on by itself over lost connections and restarts of the service.

        Parameters
        ----------
        name
            ``alerts``, ``events`` or ``scores``.
        since_seq
            `seq` of an earlier stream: what came after it comes first. Otherwise the stream begins with what comes.
        filters
            Those of the stream (docs/api.md), and `batch_ms`.
        """
        return Stream(self._url, self._token, self._tls, Resume(name, since_seq, filters))


class Stream:
    """Messages of one stream, each number once and rising; a message of type `gap` stands for what was missed.

    Iterating raises `ApiError` once the service refuses the stream, such as after the token was revoked.
    """

    def __init__(self, url: str, token: str | None, tls: ssl.SSLContext | None, resume: Resume) -> None:
        self._url, self._tls, self._resume = url, tls, resume
        self._headers = calls.headers_of(token)
        self._stopped = threading.Event()
        self._socket: ClientConnection | None = None

    def close(self) -> None:
        """End the iteration; another thread may do so."""
        self._stopped.set()
        if self._socket is not None:
            self._socket.close()

    @property
    def seq(self) -> int | None:
        """Number from which another stream would go on; None before the first connection."""
        return self._resume.seq

    @property
    def state(self) -> str | None:
        """What to hand another stream as ``since_state``: a number of another state is told as missed."""
        return self._resume.state

    def __iter__(self) -> Iterator[Message]:
        while not self._stopped.is_set():
            try:
                with connect(
                    calls.socket_url(self._url, self._resume.path),
                    additional_headers=self._headers,
                    ssl=self._tls,
                    max_size=calls.MOST_BYTES,
                ) as socket:
                    self._socket = socket
                    for text in socket:
                        yield from self._resume.taken(text)
            except (OSError, WebSocketException) as error:
                if (final := refusal(error)) is not None:
                    raise final from error
            if self._stopped.wait(self._resume.pause_s()):
                return
