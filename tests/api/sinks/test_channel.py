"""People's channels: a mail through Apprise to a real SMTP server, in words, in which log content controls nothing."""

from __future__ import annotations

import asyncio
import email
import email.policy
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller

from api.sinks.protocol import Notice
from api.sinks.text import filled, obeyed_by_nobody
from tests.api.sinks.conftest import free_port, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.api.conftest import Examples
    from tests.api.sinks.conftest import Desk

# Apprise's loading of a plugin imports what Python 3.13 lacks, where it does without
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

HOSTILE = "x\r\nBcc: all@example.org\r\n\r\n<script>alert(1)</script> @everyone [click](http://evil.example) \x1b[2J"


class Mailbox:
    """Takes mail, or refuses it as it is told."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.refusals = 0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd looks for it
        """Take a mail, or refuse it."""
        if self.refusals:
            self.refusals -= 1
            return "451 come back later"
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append((envelope.rcpt_tos, mail))
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box, port = Mailbox(), free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, port
    controller.stop()


@pytest.mark.slow
def test_a_mail_says_it_in_words_and_is_sent_until_it_is_taken(desk: Desk, mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    box.refusals = 2
    url = f"mailto://127.0.0.1:{port}?from=nslabs@example.org&to=ops@example.org&mode=insecure&format=text"
    sinks = desk.prepare(apprise={"url": url, "title": "$severity: $device", "body": "$sentence\n$link"})
    desk.raise_alerts(1, sentence=HOSTILE, device=HOSTILE)
    desk.writer.upsert([desk.examples.alert("b", device="d2", severity="low")])
    desk.writer.upsert([desk.examples.alert("b", device="d2", severity="low", count=2, verdict="attack")])

    async def scenario() -> None:
        async with desk.running():
            await until(lambda: sinks.statuses()[0].delivered == 2)

    asyncio.run(scenario())
    assert [to for to, _ in box.mails] == [["ops@example.org"]] * 2
    mail = box.mails[0][1]
    assert mail["Bcc"] is None
    assert mail["Subject"].startswith("high: x")
    body = mail.get_content() if not mail.is_multipart() else mail.get_body(("plain",)).get_content()
    assert "https://nslabs.example/#alert-a00000" in body
    for obeyed in ("<script", "@everyone", "[click]", "\x1b"):
        assert obeyed not in body
    assert "451" in str(sinks.statuses()[0].last_error) or "mail" in str(sinks.statuses()[0].last_error).lower()


def test_a_template_is_filled_once(examples: type[Examples]) -> None:
    notice = Notice(1, "raised", examples.alert(sentence="$link ${id} $$", technique=None))
    assert filled("$sentence|$technique|$$|$count", notice) == "$link ${id} $$||$|1"
    assert obeyed_by_nobody("@a <b> [c]`") == "\uff20a \u2039b\u203a \uff3bc\uff3d\u02cb"
