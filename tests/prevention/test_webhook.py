"""A receiver that fails gets each message again, signed, until it takes it."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from prevention.blocks import Block, BlockKey
from prevention.enforcers import Order, load_enforcer
from prevention.errors import EnforcerError, EnforcerSetupError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from prevention.enforcers import Enforcer

SECRET = "whsec_" + base64.b64encode(b"thirty-two bytes that nobody has").decode()
CAMERA = BlockKey("quarantine", "device", device="192.168.1.5")
DOMAIN = BlockKey("block", "domain", domain="c2.example")


class Controller(ThreadingHTTPServer):
    """Stands in for a switch's controller: sets a VLAN for each MAC that it is told to quarantine."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receive)
        self.failures = 0
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self.vlans: dict[str, int] = {}


class Receive(BaseHTTPRequestHandler):
    """Takes messages that are signed, unless it is to fail."""

    server: Controller

    def do_POST(self) -> None:
        """Take one."""
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            message = Webhook(SECRET).verify(body, dict(self.headers))
        except WebhookVerificationError:
            return self._answer(401)
        if self.server.failures:
            self.server.failures -= 1
            return self._answer(503)
        self.server.messages.append((self.headers["webhook-id"], message))
        device = message["data"]["target"].get("device")
        if message["type"] == "block.apply" and message["data"]["action"] == "quarantine":
            self.server.vlans[device] = 666
        elif message["type"] == "block.revoke":
            self.server.vlans.pop(device, None)
        return self._answer(204)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def controller() -> Iterator[Controller]:
    with Controller() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.05,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def settings(controller: Controller, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "secret").write_text(SECRET + "\n")
    return {"url": f"http://127.0.0.1:{controller.server_port}/hook", "secret_file": str(tmp_path / "secret")}


@pytest.fixture
def enforcer(settings: dict[str, str], tmp_path: Path) -> Iterator[Enforcer]:
    made = load_enforcer("webhook", settings, tmp_path)
    yield made
    made.close()


def order(key: BlockKey, until: float = 2e9) -> Order:
    return Order(Block(key, "d-1", until, 600.0, mac="02:00:5e:10:00:05", sentence="it scans"), 600.0, ("192.0.2.1",))


def test_a_controller_sets_a_vlan_and_takes_it_back(controller: Controller, enforcer: Enforcer) -> None:
    enforcer.apply([order(CAMERA), order(DOMAIN)])
    assert controller.vlans == {"192.168.1.5": 666}
    _, message = controller.messages[0]
    assert message["type"] == "block.apply"
    assert message["data"]["expires_at"] == 2e9
    assert message["data"]["allow"] == ["192.0.2.1"]
    assert message["data"]["mac"] == "02:00:5e:10:00:05"
    assert {one.key for one in enforcer.list()} == {CAMERA, DOMAIN}
    enforcer.revoke([CAMERA, DOMAIN, CAMERA])
    assert controller.vlans == {}
    assert list(enforcer.list()) == []


def test_what_was_not_taken_is_sent_again_under_the_same_name(controller: Controller, enforcer: Enforcer) -> None:
    enforcer.apply([order(DOMAIN)])
    controller.failures = 1
    with pytest.raises(EnforcerError, match="answered 503"):
        enforcer.apply([order(CAMERA)])
    assert [one.key for one in enforcer.list()] == [DOMAIN]
    enforcer.apply([order(CAMERA)])
    enforcer.apply([order(CAMERA)])
    enforcer.apply([order(CAMERA, until=3e9)])
    names = [name for name, message in controller.messages if "device" in json.dumps(message["data"]["target"])]
    assert names[0] == names[1] != names[2]


def test_a_restart_knows_what_was_taken(
    controller: Controller, enforcer: Enforcer, settings: dict[str, str], tmp_path: Path
) -> None:
    enforcer.apply([order(CAMERA)])
    again = load_enforcer("webhook", settings, tmp_path)
    assert [one.key for one in again.list()] == [CAMERA]
    again.revoke([CAMERA])
    again.close()
    assert controller.vlans == {}
    (tmp_path / "webhook.json").write_text("damaged")
    third = load_enforcer("webhook", settings, tmp_path)
    assert list(third.list()) == []
    third.close()
    assert (tmp_path / "webhook.damaged").exists()


def test_a_wrong_secret_is_not_let_in(controller: Controller, settings: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "other").write_text("whsec_" + base64.b64encode(b"another secret of somebody's").decode())
    other = load_enforcer("webhook", settings | {"secret_file": str(tmp_path / "other")}, tmp_path)
    with pytest.raises(EnforcerError, match="answered 401"):
        other.apply([order(CAMERA)])
    other.close()
    assert controller.messages == []
    with pytest.raises(EnforcerSetupError, match="secret_file"):
        load_enforcer("webhook", settings | {"secret_file": str(tmp_path / "none")}, tmp_path)


def test_nobody_there_is_a_failure(settings: dict[str, str], tmp_path: Path) -> None:
    gone = load_enforcer("webhook", settings | {"url": "http://127.0.0.1:9/"}, tmp_path)
    with pytest.raises(EnforcerError, match=r"127\.0\.0\.1:9"):
        gone.apply([order(CAMERA)])
    gone.close()
