"""``/asyncapi.json``: the streams as AsyncAPI 3 describes them, made from the schemas of their messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from api.serve.access.needs import needs
from api.serve.stream.queries import AlertStreamQuery, EventStreamQuery, ScoreStreamQuery
from api.serve.stream.schemas import MESSAGES, STREAMS, message_schemas
from api.version import package_version

if TYPE_CHECKING:
    from pydantic import BaseModel

_QUERIES: Final[dict[str, type[BaseModel]]] = {
    "/ws/alerts": AlertStreamQuery,
    "/ws/scores": ScoreStreamQuery,
    "/ws/events": EventStreamQuery,
}


def asyncapi_routes() -> APIRouter:
    """Return ``/asyncapi.json``, which is described nowhere itself, as OpenAPI's document is not."""
    router = APIRouter()
    document = asyncapi_document()

    @router.get("/asyncapi.json", include_in_schema=False, dependencies=[needs("read")])
    def asyncapi() -> JSONResponse:
        """Return the description of the streams."""
        return JSONResponse(document)

    return router


def asyncapi_document() -> dict[str, Any]:
    """Return the document, AsyncAPI 3.0.0."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "networksecuritylabs",
            "version": package_version(),
            "description": "Live alerts, scores and events over WebSocket; a connection begins with a hello.",
        },
        "defaultContentType": "application/json",
        "channels": {_name(path): _channel(path, models) for path, models in STREAMS.items()},
        "operations": {
            f"send-{_name(path)}": {"action": "send", "channel": {"$ref": f"#/channels/{_name(path)}"}}
            for path in STREAMS
        },
        "components": {
            "messages": {model.__name__: _message(model) for model in MESSAGES},
            "schemas": _named_discriminators(message_schemas("#/components/schemas/")),
        },
    }


def _named_discriminators(schema: Any) -> Any:
    """Return schemas in which a discriminator is the name of its property, as AsyncAPI has it; OpenAPI's says more."""
    if isinstance(schema, list):
        return [_named_discriminators(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    named = {name: _named_discriminators(part) for name, part in schema.items()}
    said = named.get("discriminator")
    return (
        named | {"discriminator": said["propertyName"]} if isinstance(said, dict) and "propertyName" in said else named
    )


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _channel(path: str, models: tuple[type[BaseModel], ...]) -> dict[str, Any]:
    query = _QUERIES[path].model_json_schema()
    return {
        "address": path,
        "messages": {model.__name__: {"$ref": f"#/components/messages/{model.__name__}"} for model in models},
        "bindings": {"ws": {"method": "GET", "query": query, "bindingVersion": "0.1.0"}},
    }


def _message(model: type[BaseModel]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"name": model.__name__, "summary": (model.__doc__ or "").strip().splitlines()[0], "payload": schema}
