"""What only those need who have installed the extra `socketio`."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from api.errors import SettingsError

if TYPE_CHECKING:
    from api.serve.access.login import Login
    from api.serve.access.visits import Visits
    from api.serve.stream.hub import Hub
    from api.serve.stream.socket_io import SocketIO


def require_socketio() -> None:
    """Look whether the package is there.

    Raises
    ------
    SettingsError
        If it is not.
    """
    if find_spec("socketio") is None:
        raise SettingsError(
            "socketio: Socket.IO needs a package that is not installed (python-socketio);"
            " pip install 'networksecuritylabs[socketio]', or set socketio = false"
        )


def make_socketio(hub: Hub, login: Login, visits: Visits) -> SocketIO:
    """Return the application that speaks Socket.IO."""
    made: SocketIO = import_module("api.serve.stream.socket_io").SocketIO(hub, login, visits)
    return made
