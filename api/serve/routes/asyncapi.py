"""``/asyncapi.json``: the streams as AsyncAPI 3 describes them, made from the schemas of their messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from api.serve.access.needs import needs
from api.serve.stream.asked import Asked
from api.serve.stream.queries import AlertStreamQuery, EventStreamQuery, ScoreStreamQuery, ServerSentQuery
from api.serve.stream.schemas import EVERYTHING_SENT, MESSAGES, SOCKETIO, STREAMS, message_schemas
from api.version import package_version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import BaseModel

_QUERIES: Final[dict[str, type[BaseModel]]] = {
    "/ws/alerts": AlertStreamQuery,
    "/ws/scores": ScoreStreamQuery,
    "/ws/events": EventStreamQuery,
}


_SSE: Final = "server-sent-events"
_SSE_BINDINGS: Final = {
    "http": {"method": "GET", "query": ServerSentQuery.model_json_schema(), "bindingVersion": "0.3.0"}
}
_SOCKETIO: Final = "socketio"
_CONNECT: Final = "socketio-connect"
_EVENTS: Final = {f"socketio-{name}": name for name in SOCKETIO}
_ABOUT: Final = (
    "Live alerts, scores and events over WebSocket, server-sent events and Socket.IO, in the same messages; a"
    " connection begins with a hello."
)
_ABOUT_SSE: Final = (
    "Server-sent events (HTML, 9.2): `data` is a message of `alerts`, or with stream=events of `events`, and `id` its"
    " number; the greeting's is from where the reader goes on."
)
_ABOUT_SOCKETIO: Final = (
    "Socket.IO protocol 5, where the setting `socketio` is on: events by the names of these messages, whose payloads"
    " are the arguments."
)
_ABOUT_CONNECT: Final = "What a client says in its `auth`: who it is, and what it wants."


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
        "info": {"title": "networksecuritylabs", "version": package_version(), "description": _ABOUT},
        "defaultContentType": "application/json",
        "channels": {
            **{_name(path): _channel(path, models) for path, models in STREAMS.items()},
            _SSE: {"address": "/events", "description": _ABOUT_SSE, "messages": _references(EVERYTHING_SENT)},
            _SOCKETIO: {
                "address": "/socket.io/",
                "description": _ABOUT_SOCKETIO,
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in (*_EVENTS, _CONNECT)},
            },
        },
        "operations": {
            **{f"send-{_name(path)}": _operation("send", _name(path)) for path in STREAMS},
            f"send-{_SSE}": {**_operation("send", _SSE), "bindings": _SSE_BINDINGS},
            f"send-{_SOCKETIO}": _operation("send", _SOCKETIO, *_EVENTS),
            f"receive-{_SOCKETIO}": _operation("receive", _SOCKETIO, _CONNECT),
        },
        "components": {
            "messages": {
                **{model.__name__: _message(model) for model in MESSAGES},
                **{named: _event(name, *SOCKETIO[name]) for named, name in _EVENTS.items()},
                _CONNECT: {"name": "connect", "summary": _ABOUT_CONNECT, "payload": Asked.model_json_schema()},
            },
            "schemas": _named_discriminators(message_schemas("#/components/schemas/")),
        },
    }


def _operation(action: str, channel: str, *messages: str) -> dict[str, Any]:
    named = [{"$ref": f"#/channels/{channel}/messages/{message}"} for message in messages]
    return {"action": action, "channel": {"$ref": f"#/channels/{channel}"}, **({"messages": named} if named else {})}


def _event(name: str, model: type[BaseModel], streams: tuple[str, ...]) -> dict[str, Any]:
    """Return an event whose arguments are a message and, where several streams have such, the name of its stream."""
    message: dict[str, Any] = {"$ref": f"#/components/schemas/{model.__name__}"}
    arguments = [message, {"type": "string", "enum": list(streams)}] if streams else [message]
    payload = {"type": "array", "items": arguments, "additionalItems": False, "minItems": len(arguments)}
    return {"name": name, "summary": _summary(model), "payload": payload}


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
    return {
        "address": path,
        "messages": _references(models),
        "bindings": {"ws": {"method": "GET", "query": _QUERIES[path].model_json_schema(), "bindingVersion": "0.1.0"}},
    }


def _references(models: Iterable[type[BaseModel]]) -> dict[str, Any]:
    return {model.__name__: {"$ref": f"#/components/messages/{model.__name__}"} for model in models}


def _message(model: type[BaseModel]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"name": model.__name__, "summary": _summary(model), "payload": schema}


def _summary(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]
