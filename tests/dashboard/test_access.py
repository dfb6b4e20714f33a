"""The page can be used by keyboard, read in light and dark, told apart by a screen reader, and held in a hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from online_models.types import Alert, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import LiveService
    from selenium.webdriver import Chrome

SEVERITIES = ("low", "medium", "high", "critical")
# WCAG 2.2, relative luminance and contrast ratio, for every element that has text of its own.
LOW_CONTRAST = """
const channel = (c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
const parse = (text) => text.match(/[\\d.]+/g).map(Number);
const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const background = (node) => {
  for (; node; node = node.parentElement) {
    const colour = parse(getComputedStyle(node).backgroundColor);
    if (colour.length === 3 || colour[3] === 1) return colour;
  }
  return [255, 255, 255];
};
const own = (node) => [...node.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.data.trim());
return [...document.querySelectorAll("body *")]
  .filter((node) => node.checkVisibility() && own(node) && !["SCRIPT", "NOSCRIPT"].includes(node.tagName))
  .map((node) => {
    const pair = [luminance(parse(getComputedStyle(node).color)), luminance(background(node))].sort((a, b) => b - a);
    return [node.outerHTML.slice(0, 80), (pair[0] + 0.05) / (pair[1] + 0.05)];
  })
  .filter(([, ratio]) => ratio < 4.5);
"""


def alert(severity: Any) -> Alert:
    """Return an alert of the given severity."""
    reason = Reason("reach_hosts", 214.0, 3.0, 0.5, "tried 214 hosts in a minute")
    sentence = "192.168.7.21 tried 214 hosts on port 23 in 60 s; it never used more than 3"
    return Alert(
        severity, "192.168.7.21", "scan", "conn", severity, 0.9, 1e9, 1e9, 1e9, 3, sentence, "open", "T1046",
        (reason,), ("CHhAvVGS1DHFjwGM9",), ("2001:db8:85a3:8d3:1319:8a2e:370:7348",),
    )  # fmt: skip


@pytest.fixture(scope="module")
def service(shared_service: LiveService) -> LiveService:
    """Return a service without logs, which says so, that has one alert of each severity."""
    shared_service.store(*(alert(severity) for severity in SEVERITIES))
    return shared_service


@pytest.fixture
def page(browser: Chrome, service: LiveService) -> Iterator[Chrome]:
    """Open the page, and unfold all alerts."""
    browser.get(service.url)
    wait = WebDriverWait(browser, 120, poll_frequency=0.05)
    wait.until(lambda _: len(browser.find_elements(By.CSS_SELECTOR, "#alerts > li")) == len(SEVERITIES))
    wait.until(lambda _: browser.find_element(By.ID, "health").text == "degraded")
    browser.execute_script("document.querySelectorAll('details').forEach((details) => details.open = true)")
    yield browser
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_its_ground(page: Chrome, scheme: str) -> None:
    feature = {"name": "prefers-color-scheme", "value": scheme}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    assert page.execute_script("return matchMedia('(prefers-color-scheme: dark)').matches") is (scheme == "dark")
    assert page.execute_script(LOW_CONTRAST) == []


@pytest.mark.parametrize("width", [320, 390, 768])
def test_nothing_sticks_out_of_a_small_screen(page: Chrome, width: int) -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 2, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    assert page.execute_script("return [innerWidth, document.documentElement.scrollWidth]") == [width, width]


def test_an_alert_opens_by_keyboard(page: Chrome) -> None:
    page.execute_script("document.querySelector('#alerts details').open = false; document.activeElement.blur()")
    summary = page.find_element(By.CSS_SELECTOR, "#alerts summary")
    for _ in range(20):
        page.switch_to.active_element.send_keys(Keys.TAB)
        if page.switch_to.active_element == summary:
            break
    summary.send_keys(Keys.ENTER)
    assert page.find_element(By.CSS_SELECTOR, "#alerts details").get_attribute("open") == "true"


def test_every_control_and_picture_has_a_name(page: Chrome) -> None:
    tree = page.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    needing = {"button", "textbox", "combobox", "checkbox", "link", "image", "img", "searchbox", "search", "region"}
    named = {True: 0, False: 0}
    for node in tree:
        if not node["ignored"] and node["role"]["value"] in needing:
            named[bool(node["name"]["value"])] += 1
    assert named[False] == 0
    assert named[True] >= 8
