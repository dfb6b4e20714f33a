"""What is suggested is confirmed or dismissed in one click or by keyboard, and the kill switch is a button."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from prevention.policy import PolicyCase, policy_from

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import LiveService
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

PATIENCE_S = 20
CAMERA = "192.168.7.21"


def until(browser: Chrome, condition: Callable[[], Any]) -> Any:
    """Wait for something to become true on the page, and return it."""
    return WebDriverWait(browser, PATIENCE_S, poll_frequency=0.05).until(lambda _: condition())


def suggest(service: LiveService, peer: str, sentence: str = "it talks to a stranger") -> str:
    """Have a pair suggested; return the decision's identifier."""
    service.decider.policy = policy_from({"mode": "suggest"})
    case = PolicyCase(f"a-{peer}", CAMERA, "new-peer", "critical", sentence, time.time(), peers=(peer,))
    (decision,) = service.decider.consider(case)
    assert decision.state == "suggested"
    return decision.id


def button(browser: Chrome, identifier: str, word: str) -> WebElement:
    """Return a button of a suggestion, once it is there."""
    where = f"#suggestions [data-id='{identifier}'] button[aria-label^='{word}']"
    found = until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, where))
    return found[0]  # type: ignore[no-any-return] # of Selenium


def shown(browser: Chrome, identifier: str) -> bool:
    """Whether a suggestion is shown."""
    return bool(browser.find_elements(By.CSS_SELECTOR, f"#suggestions [data-id='{identifier}']"))


@pytest.fixture
def page(browser: Chrome, shared_service: LiveService) -> Chrome:
    """Open the page anew, and wait until it has asked what stands."""
    shared_service.decider.resume("test")
    browser.get("about:blank")
    browser.get(shared_service.url)
    until(browser, lambda: "Mode" in browser.find_element(By.ID, "decisions-standing").text)
    return browser


def test_a_suggestion_comes_by_itself_and_is_confirmed_in_one_click(page: Chrome, shared_service: LiveService) -> None:
    markup = "<img src=x onerror=alert(1)> talks"
    identifier = suggest(shared_service, "203.0.113.1", markup)
    confirm = button(page, identifier, "Confirm")
    item = page.find_element(By.CSS_SELECTOR, f"[data-id='{identifier}']")
    assert f"block {CAMERA} with 203.0.113.1 for 10 min" in item.text
    assert markup in item.text
    confirm.click()
    until(page, lambda: not shown(page, identifier))
    assert shared_service.decider.store.get(identifier).state == "active"
    assert shared_service.decider.store.history(identifier)[-1].reason == "confirmed"
    until(page, lambda: "active" in page.find_element(By.ID, "decisions-standing").text)


def test_a_suggestion_is_dismissed_by_keyboard_and_the_next_one_has_the_focus(
    page: Chrome, shared_service: LiveService
) -> None:
    first, second = suggest(shared_service, "203.0.113.2"), suggest(shared_service, "203.0.113.3")
    button(page, first, "Dismiss")
    button(page, second, "Confirm").send_keys(Keys.TAB)
    assert page.switch_to.active_element.get_attribute("aria-label") == f"Dismiss: block {CAMERA} with 203.0.113.3"
    page.switch_to.active_element.send_keys(Keys.ENTER)
    until(page, lambda: not shown(page, second))
    assert shared_service.decider.store.get(second).state == "revoked"
    assert shared_service.decider.store.history(second)[-1].reason == "dismissed on the page"
    focused = until(page, lambda: page.switch_to.active_element.get_attribute("aria-label"))
    assert focused == f"Confirm: block {CAMERA} with 203.0.113.2"
    shared_service.decider.revoke(first, "test")
    until(page, lambda: not shown(page, first))
    assert page.find_element(By.ID, "no-suggestions").is_displayed()


def test_what_cannot_be_confirmed_any_more_says_why(page: Chrome, shared_service: LiveService) -> None:
    identifier = suggest(shared_service, "203.0.113.4")
    button(page, identifier, "Confirm")
    shared_service.decider.policy = policy_from({"limits": {"new_blocks_per_minute": 0}})
    button(page, identifier, "Confirm").click()
    problem = page.find_element(By.ID, "decisions-problem")
    until(page, problem.is_displayed)
    assert "limit" in problem.text
    assert shared_service.decider.store.get(identifier).state == "suggested"


def test_the_kill_switch_revokes_everything_and_is_undone_by_its_own_button(
    page: Chrome, shared_service: LiveService
) -> None:
    identifier = suggest(shared_service, "203.0.113.5")
    button(page, identifier, "Confirm")
    page.find_element(By.ID, "kill").click()
    until(page, lambda: "kill switch was used" in page.find_element(By.ID, "decisions-standing").text)
    assert shared_service.decider.is_flushed
    assert not shared_service.decider.store.standing()
    assert not shown(page, identifier)
    page.find_element(By.ID, "resume").click()
    until(page, lambda: page.find_element(By.ID, "kill").is_displayed())
    assert not shared_service.decider.is_flushed


def test_nothing_of_it_is_against_the_content_security_policy(page: Chrome) -> None:
    told = [entry["message"] for entry in page.get_log("browser")]  # type: ignore[no-untyped-call] # of Selenium
    assert not [message for message in told if "Content Security Policy" in message]
