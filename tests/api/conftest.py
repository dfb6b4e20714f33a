"""What the tests of the service share: alerts and scored batches to hand around."""

from __future__ import annotations

from typing import Any

import jsonschema
import numpy as np
import pytest

from api.serve.routes.asyncapi import asyncapi_document
from online_models.types import Alert, Reason, ScoredBatch

REASON = Reason("reach_hosts", 214.0, 3.0, 0.4, "tried 214 hosts in a minute")


_DOCUMENT = asyncapi_document()
_COMPONENTS = _DOCUMENT["components"]
_CLOSED = {name: {"additionalProperties": False} | of for name, of in _COMPONENTS["schemas"].items()}


def _validator(name: str) -> jsonschema.Draft7Validator:
    """Return what looks at a message of the served description, and at nothing beside what is described."""
    components = {**_COMPONENTS, "schemas": _CLOSED}
    return jsonschema.Draft7Validator({"$ref": f"#/components/messages/{name}/payload", "components": components})


_VALIDATORS = {name: _validator(name) for name in _COMPONENTS["messages"]}


class Examples:
    """Makes alerts and scored batches that differ only in what a test names."""

    @staticmethod
    def alert(identifier: str = "a1", **changes: Any) -> Alert:
        """Return an alert raised at log time 1000."""
        fields = {
            "id": identifier,
            "device": "192.168.1.5",
            "behaviour": "scan",
            "log": "conn",
            "severity": "high",
            "score": 0.99,
            "ts": 1000.0,
            "first_ts": 990.0,
            "last_ts": 1000.0,
            "count": 1,
            "sentence": "192.168.1.5 tried 214 hosts",
            "technique": "T1046",
            "reasons": (REASON,),
            "uids": ("C1",),
            "peers": ("203.0.113.7",),
        }
        return Alert(**(fields | changes))

    @staticmethod
    def scored(rows: int, anomalous: tuple[int, ...] = (), **changes: Any) -> ScoredBatch:
        """Return a scored batch; anomalous rows have score 1 and one reason, the others 0."""
        flags = np.isin(np.arange(rows), anomalous)
        fields = {
            "kind": "conn",
            "uid": [f"C{row}" for row in range(rows)],
            "device": [f"192.168.1.{row % 2}" for row in range(rows)],
            "ts": np.arange(rows, dtype=np.float64),
            "score": flags.astype(np.float64),
            "anomaly": flags,
            "reasons": dict.fromkeys(anomalous, (REASON,)),
        }
        return ScoredBatch(**(fields | changes))


def is_described(message: dict[str, Any], channel: str | None = None) -> bool:
    """Whether a message of a stream is as ``/asyncapi.json`` says, also of its channel; fails with what is not."""
    name = {"alert": "StreamedAlert"}.get(message["type"], f"{message['type'].capitalize()}Message")
    assert channel is None or name in _DOCUMENT["channels"][channel]["messages"]
    return _is_valid(name, message)


def is_socketio(name: str, *arguments: Any) -> bool:
    """Whether an event of Socket.IO, with all its arguments, is as ``/asyncapi.json`` says; fails with what is not."""
    assert f"socketio-{name}" in _DOCUMENT["channels"]["socketio"]["messages"]
    return _is_valid(f"socketio-{name}", list(arguments))


def _is_valid(name: str, payload: Any) -> bool:
    errors = [f"{list(error.path)}: {error.message}" for error in _VALIDATORS[name].iter_errors(payload)]
    assert errors == []
    return True


@pytest.fixture(scope="session")
def examples() -> type[Examples]:
    """Return the maker of examples."""
    return Examples
