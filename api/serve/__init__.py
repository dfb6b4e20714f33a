"""What is served over HTTP and WebSocket: routes, streams, the page."""
