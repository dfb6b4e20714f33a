"""Live messages: from the pipeline thread over bounded queues to WebSocket subscribers."""

from api.serve.stream.hub import Hub, Kept, StreamLimits

__all__ = ["Hub", "Kept", "StreamLimits"]
