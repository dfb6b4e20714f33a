"""``/docs``: the page of all routes, with relative addresses and without inline script."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import fastapi_offline
from fastapi import Depends
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from api.serve.access.needs import has_what_it_needs, needs

if TYPE_CHECKING:
    from fastapi import FastAPI

_LIBRARY: Final = Path(fastapi_offline.__file__).parent / "static"
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>nslabs: every route</title>
  <link rel="icon" href="static/icon.svg" type="image/svg+xml">
  <link rel="stylesheet" href="static-docs/swagger-ui.css">
  <script src="static-docs/swagger-ui-bundle.js" defer></script>
  <script src="static/docs.js" type="module"></script>
</head>
<body>
  <div id="routes">
    <p>This page needs JavaScript; the description itself is <a href="openapi.json">openapi.json</a>.</p>
  </div>
</body>
</html>
"""


def serve_docs(app: FastAPI) -> None:
    """Serve the page with the files of Swagger UI that fastapi-offline brings along."""
    app.mount("/static-docs", StaticFiles(directory=_LIBRARY), name="static-docs")
    app.add_api_route(
        "/docs",
        lambda: HTMLResponse(_PAGE),
        include_in_schema=False,
        dependencies=[needs("read"), Depends(has_what_it_needs)],
    )
