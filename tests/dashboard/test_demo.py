"""From one command to an alert on the page: the simulated network, the real service, a real browser."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from selenium.webdriver import Chrome


@pytest.fixture
def demo_url(tmp_path: Path) -> Iterator[str]:
    """Start the demo, which ends by itself, and return the address that it prints."""
    options = ["--state", str(tmp_path / "state"), "--listen", "127.0.0.1:0", "--attack-in", "2", "--for", "230"]
    command = [sys.executable, "-m", "api", "demo", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        url = re.search(r"http://\S+", process.stdout.readline())
        assert url is not None
        yield url.group()
        process.terminate()
        process.communicate(timeout=120)
    assert process.returncode == 0


def _texts(browser: Chrome, selector: str) -> list[str]:
    script = "return Array.from(document.querySelectorAll(arguments[0]), found => found.innerText)"
    return list(map(str, browser.execute_script(script, selector)))


@pytest.mark.slow
def test_the_attacked_device_shows_up(browser: Chrome, demo_url: str) -> None:
    browser.get(demo_url)
    waiting = WebDriverWait(browser, 200, poll_frequency=0.1)
    waiting.until(lambda _: any("· scan ·" in text for text in _texts(browser, "#alerts > li")))
    waiting.until(lambda _: "anomal" in browser.find_element(By.ID, "chart-caption").text)
