"""What the tests of the service share: alerts and scored batches to hand around."""

from __future__ import annotations

from typing import Any

import jsonschema
import numpy as np
import pytest

from api.serve.stream.schemas import message_schemas
from online_models.types import Alert, Reason, ScoredBatch

REASON = Reason("reach_hosts", 214.0, 3.0, 0.4, "tried 214 hosts in a minute")


_SCHEMAS = message_schemas("#/$defs/")
_VALIDATORS = {
    name: jsonschema.Draft202012Validator(
        {
            "$ref": f"#/$defs/{name}",
            "$defs": {part: {"additionalProperties": False} | of for part, of in _SCHEMAS.items()},
        }
    )
    for name in _SCHEMAS
}


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


def is_described(message: dict[str, Any]) -> bool:
    """Whether a message of a stream is as ``/asyncapi.json`` says; fails with what is not."""
    name = {"alert": "StreamedAlert"}.get(message["type"], f"{message['type'].capitalize()}Message")
    errors = [f"{list(error.path)}: {error.message}" for error in _VALIDATORS[name].iter_errors(message)]
    assert errors == []
    return True


@pytest.fixture(scope="session")
def examples() -> type[Examples]:
    """Return the maker of examples."""
    return Examples
