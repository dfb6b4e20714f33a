"""The demo: a stranger types one command and soon sees the alert of the simulated attack."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.integration.conftest import Server


@pytest.mark.slow
def test_the_attack_is_told_and_everything_is_cleaned_up(
    demo: Callable[..., AbstractContextManager[Server]],
) -> None:
    with demo("--attack-in", 5) as server, server.socket("/ws/alerts?since_seq=0") as stream:
        folder = Path(server.lines[1].removeprefix("logs ").split(",")[0]).parent
        assert folder.is_dir()
        while (message := json.loads(stream.recv(90)))["type"] != "alert" or message["change"] != "raised":
            pass
        assert message["alert"]["sentence"]
        status, err = server.stop(signal.SIGINT)
        assert (status, err) == (0, "")
        assert not folder.exists()
