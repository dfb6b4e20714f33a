"""`nslabs sink`: what is configured, and a test that says whether it was taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typer.testing import CliRunner

from api.cli import app
from api.errors import ServiceError
from tests.api.sinks.conftest import Receiver, free_port

if TYPE_CHECKING:
    from pathlib import Path


def configured(tmp_path: Path, url: str) -> list[str]:
    path = tmp_path / "nslabs.toml"
    table = f'type = "webhook"\nurl = "{url}"\n'
    text = f'[sinks.soar]\n{table}min_severity = "high"\n[sinks.off]\n{table}enabled = false\n'
    path.write_text(text, encoding="utf-8")
    return ["--config", str(path)]


def test_sinks_are_listed_with_what_they_want(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["sink", "list", *configured(tmp_path, "http://127.0.0.1:9/")])
    lines = done.output.splitlines()
    assert lines[0].split()[:2] == ["soar", "webhook:"]
    assert "severity high or more" in lines[0]
    assert lines[1].split(maxsplit=1) == ["off", "not enabled"]
    assert lines[2] == "types: apprise, file, mqtt, syslog, webhook, zeek"


def test_a_test_is_sent_whatever_the_filter_says(tmp_path: Path) -> None:
    receiver = Receiver()
    try:
        done = CliRunner().invoke(app, ["sink", "test", "soar", *configured(tmp_path, receiver.url)])
    finally:
        receiver.stop()
    assert done.output == "sink soar: the test was taken\n"
    assert receiver.taken[0]["data"]["sentence"] == "This is a test of the sink soar: nothing has happened"


def test_one_that_is_not_taken_ends_with_the_reason(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/hook"
    done = CliRunner().invoke(app, ["sink", "test", "soar", *configured(tmp_path, url)])
    assert isinstance(done.exception, ServiceError)
    assert url in str(done.exception)
    unknown = CliRunner().invoke(app, ["sink", "test", "sour", *configured(tmp_path, url)])
    assert "no table [sinks.sour]; there are soar, off" in str(unknown.exception)
