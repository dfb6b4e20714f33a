"""Live messages: from the pipeline thread over bounded queues to WebSocket subscribers."""

from api.stream.hub import Hub, StreamLimits

__all__ = ["Hub", "StreamLimits"]
