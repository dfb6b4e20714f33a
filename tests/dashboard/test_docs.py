"""The page of all routes works in a browser that obeys the policy against foreign code."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import LiveService
    from selenium.webdriver import Chrome


@pytest.mark.slow
def test_every_route_is_shown_and_can_be_tried_out(browser: Chrome, shared_service: LiveService) -> None:
    browser.get_log("browser")
    browser.get(shared_service.url + "docs")
    wait = WebDriverWait(browser, 60, poll_frequency=0.1)
    shown = "#operations-health-health_health_get"
    wait.until(lambda _: len(browser.find_elements(By.CSS_SELECTOR, ".opblock")) >= 17)
    for selector in (f"{shown} button", f"{shown} .try-out__btn", f"{shown} .execute"):
        wait.until(lambda _, wanted=selector: browser.find_elements(By.CSS_SELECTOR, wanted))
        browser.execute_script("document.querySelector(arguments[0]).click()", selector)
    wait.until(lambda _: '"stages"' in browser.find_element(By.CSS_SELECTOR, f"{shown} .live-responses-table").text)
    refused = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert refused == []


class _Framing(BaseHTTPRequestHandler):
    """A page of another origin that shows in a frame what its query names."""

    def do_GET(self) -> None:
        """Answer with the page."""
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        framed = self.path.partition("?")[2]
        self.wfile.write(f"<!doctype html><iframe src='{framed}'></iframe>".encode() if framed else b"nothing")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def other_origin() -> Iterator[str]:
    """Return the address of another site on this host."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Framing) as site:
        thread = threading.Thread(target=site.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{site.server_port}/"
        site.shutdown()
        thread.join()


def test_no_page_can_frame_it(browser: Chrome, shared_service: LiveService, other_origin: str) -> None:
    browser.get_log("browser")
    browser.get(f"{other_origin}?{shared_service.url}")
    said: list[str] = []

    def refused(_: Chrome) -> bool:
        said.extend(entry["message"] for entry in browser.get_log("browser"))
        return any("frame-ancestors" in one or "X-Frame-Options" in one for one in said)

    WebDriverWait(browser, 30, poll_frequency=0.1).until(refused, said)
    browser.switch_to.frame(0)
    assert browser.find_elements(By.CSS_SELECTOR, "#alerts, header") == []
    browser.switch_to.default_content()
