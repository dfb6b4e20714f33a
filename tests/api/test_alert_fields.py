"""What is written down of an alert is what the models tell and what is sent: behaviours, fields, schemas."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import orjson
import pytest
from referencing import Registry, Resource

from api.alert import alert_fields, behaviour_names, link_to
from api.serve.routes.answers import AlertAnswer
from api.serve.routes.asyncapi import asyncapi_document
from online_models.kinds import KINDS
from online_models.service import BEHAVIOURS

if TYPE_CHECKING:
    from tests.api.conftest import Examples

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "alert.md").read_text(encoding="utf-8")
SPECIFICATION = Path(__file__).resolve().parents[2] / ".cache" / "ecs" / "node_modules" / "@asyncapi" / "specs"
ALL = [behaviour for kind in KINDS.values() for behaviour in kind.behaviours]


def test_the_page_has_every_behaviour_and_technique() -> None:
    listed = re.findall(r"^\| `([a-z-]+)` \| (T[0-9.]+) \|$", PAGE, flags=re.MULTILINE)
    assert sorted(set(listed)) == sorted({(behaviour.name, str(behaviour.technique)) for behaviour in ALL})
    of_service = re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", PAGE.split("## Alerts about the service")[1], re.MULTILINE)
    assert of_service == [(behaviour.name, behaviour.meaning) for behaviour in BEHAVIOURS]
    assert {name for name, _ in of_service} <= set(behaviour_names())


def test_rest_streams_sinks_and_page_have_the_same_fields(examples: type[Examples]) -> None:
    sent = alert_fields(examples.alert(), None, link_to("a1")).keys()
    assert sent == AlertAnswer.model_fields.keys()
    rows = re.findall(r"^\| (`.*?`(?:, `.*?`)*) \|", PAGE.split("## Behaviours")[0], flags=re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == sent


def test_the_streams_are_described_as_asyncapi_asks() -> None:
    path = SPECIFICATION / "schemas" / "3.0.0.json"
    if not path.exists():
        pytest.skip("npm's @asyncapi/specs absent: npm install --prefix .cache/ecs @asyncapi/specs")
    schema: dict[str, Any] = orjson.loads(path.read_bytes())
    parts = [Resource.from_contents(part) for part in schema["definitions"].values() if "$schema" in part]
    registry: Registry[Any] = Registry().with_resources((str(part.id()), part) for part in parts)
    validator = jsonschema.Draft7Validator(schema, registry=registry)
    assert [error.message for error in validator.iter_errors(asyncapi_document())] == []
    assert not validator.is_valid(asyncapi_document() | {"channels": {"alerts": {"address": 7}}})
