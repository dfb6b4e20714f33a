"""An alert that is updated all the time can be clicked and reached by keyboard as one that stands still."""

from __future__ import annotations

import itertools
import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from online_models.types import Alert, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from conftest import LiveService
    from selenium.webdriver import Chrome

PATIENCE_S = 20
SCAN = Alert(
    "scan-1", "192.168.7.21", "scan", "conn", "critical", 0.99, 1_767_600_000.0, 1_767_599_940.0, 1_767_600_000.0, 214,
    "192.168.7.21 tried 214 hosts",
)  # fmt: skip

# The page's next question for /health waits for letGo(); once `answered` is true, its answer has been shown or is held.
HEALTH_WAITS = """
const real = window.fetch;
window.fetch = async (address, options) => {
  if (!new URL(address).pathname.endsWith("/health")) return real(address, options);
  await new Promise((goOn) => { window.letGo = goOn; });
  window.fetch = real;
  const health = await (await real(address)).json();
  return { status: 200, json: async () => { setTimeout(() => { window.answered = true; }); return health; } };
};
"""


def until(browser: Chrome, condition: Callable[[], Any]) -> Any:
    """Wait for something to become true on the page, and return it."""
    return WebDriverWait(browser, PATIENCE_S, poll_frequency=0.05).until(lambda _: condition())


def text_of(browser: Chrome, selector: str) -> str:
    """Return an element's text in one step, however often it changes; empty where there is none."""
    return str(browser.execute_script("return document.querySelector(arguments[0])?.textContent ?? ''", selector))


def until_other(browser: Chrome, before: str) -> None:
    """Wait for the next update: a sentence that is not the one of before."""
    until(browser, lambda: text_of(browser, "#alerts .sentence") != before)


@pytest.fixture
def page(browser: Chrome, service: LiveService) -> Chrome:
    """Open the page and wait until it is live, and all that stands above the alerts is there."""
    browser.get("about:blank")
    browser.get(service.url)
    until(browser, lambda: text_of(browser, "#connection") == "live")
    until(browser, lambda: text_of(browser, "#stages") and text_of(browser, "#budget"))
    return browser


@contextmanager
def running_alert(service: LiveService) -> Iterator[None]:
    """Update SCAN ten times a second, each time with other numbers, sentence and reasons."""
    done = threading.Event()

    def update() -> None:
        for number in itertools.count(1):
            reasons = tuple(Reason(f"hosts_{n}", number, 3.0, 0.5, f"hosts tried, {n}") for n in range(number % 3))
            sentence = f"192.168.7.21 tried {number} hosts"
            moved = replace(SCAN, count=number, last_ts=SCAN.ts + number, sentence=sentence, reasons=reasons)
            service.store_unpaced(moved)
            if done.wait(0.1):
                return

    updates = threading.Thread(target=update)
    updates.start()
    try:
        yield
    finally:
        done.set()
        updates.join()


@pytest.mark.slow
def test_every_click_on_a_running_alert_counts(page: Chrome, service: LiveService) -> None:
    """Mouse button down, an update, mouse button up is one click, wherever in the line it falls."""
    with running_alert(service):
        until(page, lambda: text_of(page, "#alerts .sentence"))
        page.execute_script(
            "window.toggles = 0; document.querySelector('#alerts').addEventListener('click', () => { toggles += 1; });"
        )
        summary = page.find_element(By.CSS_SELECTOR, "#alerts summary .sentence")
        for click in range(1, 26):
            before = text_of(page, "#alerts .sentence")
            ActionChains(page).move_to_element(summary).click_and_hold().perform()
            until_other(page, before)
            ActionChains(page).release().perform()
            assert page.execute_script("return toggles") == click
            assert page.execute_script("return document.querySelector('#alerts details').open") is (click % 2 == 1)


def test_nothing_above_moves_an_alert_away_from_under_a_press(page: Chrome, service: LiveService) -> None:
    """While the button is down the service finds a log, and the reason above the alerts is none any more."""
    service.store(SCAN)
    until(page, lambda: text_of(page, "#alerts .sentence"))
    page.execute_script(HEALTH_WAITS)
    until(page, lambda: page.execute_script("return window.letGo !== undefined"))
    (service.logs / "conn.log").touch()
    until(page, lambda: httpx.get(f"{service.url}health", timeout=PATIENCE_S).json()["status"] == "ready")
    summary = page.find_element(By.CSS_SELECTOR, "#alerts summary .sentence")
    ActionChains(page).move_to_element(summary).click_and_hold().perform()
    page.execute_script("letGo()")
    until(page, lambda: page.execute_script("return window.answered"))
    ActionChains(page).release().perform()
    assert page.execute_script("return document.querySelector('#alerts details').open")
    until(page, lambda: text_of(page, "#health") == "ready")


def test_the_keyboard_reaches_the_verdict_of_a_running_alert(page: Chrome, service: LiveService) -> None:
    with running_alert(service):
        until(page, lambda: text_of(page, "#alerts .sentence"))
        page.find_element(By.CSS_SELECTOR, "#alerts summary").send_keys(Keys.ENTER)
        for expected in ("expected", "attack"):
            seen = text_of(page, "#alerts .sentence")
            page.switch_to.active_element.send_keys(Keys.TAB)
            until_other(page, seen)
            assert page.switch_to.active_element.get_attribute("data-verdict") == expected
    page.switch_to.active_element.send_keys(Keys.ENTER)
    until(page, lambda: "Called attack" in text_of(page, "#alerts > li"))
    assert page.switch_to.active_element.tag_name == "summary"
