"""The page of all routes works in a browser that obeys the policy against foreign code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

if TYPE_CHECKING:
    from conftest import LiveService
    from selenium.webdriver import Chrome


def test_every_route_is_shown_and_can_be_tried_out(browser: Chrome, service: LiveService) -> None:
    browser.get_log("browser")
    browser.get(service.url + "docs")
    wait = WebDriverWait(browser, 60, poll_frequency=0.1)
    shown = "#operations-health-health_health_get"
    wait.until(lambda _: len(browser.find_elements(By.CSS_SELECTOR, ".opblock")) >= 17)
    for selector in (f"{shown} button", f"{shown} .try-out__btn", f"{shown} .execute"):
        wait.until(lambda _, wanted=selector: browser.find_elements(By.CSS_SELECTOR, wanted))
        browser.execute_script("document.querySelector(arguments[0]).click()", selector)
    wait.until(lambda _: "ready" in browser.find_element(By.CSS_SELECTOR, f"{shown} .live-responses-table").text)
    refused = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert refused == []


def test_no_page_can_frame_it(browser: Chrome, service: LiveService) -> None:
    browser.get("data:text/html,<iframe src='" + service.url + "'></iframe>")
    WebDriverWait(browser, 30, poll_frequency=0.1).until(
        lambda _: [entry for entry in browser.get_log("browser") if "frame-ancestors" in entry["message"]]
    )
