"""With an access token: the page leads to the login, works with a session, and ends with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from online_models.types import Alert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from conftest import LiveService
    from selenium.webdriver import Chrome

SCAN = Alert(
    "scan-1", "192.168.7.21", "scan", "conn", "critical", 0.99, 1_767_600_000.0, 1_767_599_940.0, 1_767_600_000.0, 214,
    "192.168.7.21 tried 214 hosts",
)  # fmt: skip


@pytest.fixture
def locked(serving: Callable[..., AbstractContextManager[LiveService]], tmp_path: Path) -> Iterator[LiveService]:
    """Return a service that wants a login; the file `token` holds an admin's."""
    with serving(SocketIOConfig={"first_token": tmp_path / "token"}) as live:
        yield live


def until(browser: Chrome, condition: Callable[[], Any]) -> Any:
    """Wait for something to become true on the page, and return it."""
    return WebDriverWait(browser, 120, poll_frequency=0.05).until(lambda _: condition())


def text_of(browser: Chrome, selector: str) -> str:
    """Return an element's text in one step; empty where there is none."""
    return str(browser.execute_script("return document.querySelector(arguments[0])?.textContent ?? ''", selector))


def log_in(browser: Chrome, token: str) -> None:
    """Paste a token at the login, and send it."""
    field = until(browser, lambda: browser.find_elements(By.NAME, "token"))[0]
    field.clear()
    field.send_keys(token)
    browser.find_element(By.CSS_SELECTOR, "#login button").click()


def test_a_person_logs_in_answers_an_alert_and_logs_out(browser: Chrome, locked: LiveService, tmp_path: Path) -> None:
    browser.get(locked.url)
    assert browser.current_url == f"{locked.url}login"
    log_in(browser, "nsl_wrong")
    until(browser, lambda: text_of(browser, "#problem"))
    log_in(browser, (tmp_path / "token").read_text().strip())
    until(browser, lambda: text_of(browser, "#connection") == "live")
    until(browser, lambda: text_of(browser, "#health") == "degraded" and text_of(browser, "#budget"))
    assert text_of(browser, "#session").startswith("first")
    locked.store(SCAN)
    until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "#alerts summary"))[0].click()
    browser.find_element(By.CSS_SELECTOR, "[data-verdict=expected]").click()
    until(browser, lambda: "Called expected" in text_of(browser, "#alerts > li"))
    browser.find_element(By.ID, "logout").click()
    until(browser, lambda: browser.current_url == f"{locked.url}login")
    browser.get(f"{locked.url}?severity=high")
    until(browser, lambda: browser.current_url == f"{locked.url}login")


def test_a_session_that_ends_leads_back_to_the_login(browser: Chrome, locked: LiveService, tmp_path: Path) -> None:
    browser.get(locked.url)
    log_in(browser, (tmp_path / "token").read_text().strip())
    until(browser, lambda: text_of(browser, "#health") == "degraded")
    browser.delete_all_cookies()
    until(browser, lambda: browser.current_url == f"{locked.url}login")
