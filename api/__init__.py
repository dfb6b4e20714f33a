"""The service: settings, pipeline, store, REST, WebSocket, and the `nslabs` command."""
