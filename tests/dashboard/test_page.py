"""What a person sees: alerts and scores as they come, explained, filtered, escaped, and again after a restart."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from online_models.kinds import KINDS
from online_models.types import Alert, Opinion, Reason, ScoredBatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import Any

    from conftest import LiveService
    from selenium.webdriver import Chrome
    from selenium.webdriver.remote.webelement import WebElement

PATIENCE_S = 20
SCAN = Alert(
    id="scan-1",
    device="192.168.7.21",
    behaviour="scan",
    log="conn",
    severity="critical",
    score=0.99,
    ts=1_767_600_000.0,
    first_ts=1_767_599_940.0,
    last_ts=1_767_600_000.0,
    count=214,
    sentence="192.168.7.21 tried 214 hosts on port 23 in 60 s; it never used more than 3",
    technique="T1046",
    reasons=(Reason("hosts_60s", 214.0, 3.0, 0.61, "hosts tried in 60 s"),),
    uids=("CHhAvVGS1DHFjwGM9",),
    peers=("203.0.113.7",),
    second_opinion=Opinion(0.93, 0.875, 40),
)
BEACON = replace(
    SCAN,
    id="beacon-1",
    device="192.168.7.9",
    behaviour="beacon",
    severity="medium",
    ts=SCAN.ts + 60,
    sentence="regular",
)
COUNT_ANOMALY_PIXELS = """
    const chart = document.getElementById("chart");
    const { data } = chart.getContext("2d").getImageData(0, 0, chart.width, chart.height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) count += data[i] === 198 && data[i + 1] === 40 && data[i + 2] === 40;
    return count;
"""
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


def until(browser: Chrome, condition: Callable[[], Any]) -> Any:
    """Wait for something to become true on the page, and return it."""
    wait = WebDriverWait(browser, PATIENCE_S, poll_frequency=0.05, ignored_exceptions=[StaleElementReferenceException])
    return wait.until(lambda _: condition())


def entries(browser: Chrome) -> list[WebElement]:
    return browser.find_elements(By.CSS_SELECTOR, "#alerts > li")


def shown(browser: Chrome) -> list[str]:
    """Return the identifiers of the alerts in the order of the page, read in one step."""
    ids: list[str] = browser.execute_script(
        "return [...document.querySelectorAll('#alerts > li')].map(li => li.dataset.id)"
    )
    return ids


def text(browser: Chrome, identifier: str) -> str:
    return browser.find_element(By.ID, identifier).text


@pytest.fixture
def page(browser: Chrome, service: LiveService) -> Chrome:
    """Open the page and wait until it is live and stands still; the browser's console must hold no error so far."""
    browser.get("about:blank")  # the page of the test before this one would still knock at its service
    browser.get_log("browser")  # type: ignore[no-untyped-call]  # forgets what earlier pages said
    browser.get(service.url)
    until(browser, lambda: text(browser, "connection") == "live")
    until(browser, lambda: service.score_subscribers)
    until(browser, lambda: text(browser, "stages") and text(browser, "budget"))  # the alerts stand below them
    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]
    return browser


def test_an_alert_appears_without_reloading(page: Chrome, service: LiveService) -> None:
    assert until(page, lambda: text(page, "no-alerts")).startswith("No alert")
    service.store(SCAN)
    until(page, lambda: shown(page) == ["scan-1"])
    entry = entries(page)[0]
    assert SCAN.sentence in entry.text
    assert "critical" in entry.text
    assert not page.find_element(By.ID, "no-alerts").is_displayed()


def test_an_alert_explains_itself(page: Chrome, service: LiveService) -> None:
    service.store(SCAN)
    until(page, lambda: shown(page) == ["scan-1"])
    entry = entries(page)[0]
    entry.find_element(By.TAG_NAME, "summary").click()
    row = entry.find_element(By.CSS_SELECTOR, "tbody tr").text.split()
    assert " ".join(row) == "hosts tried in 60 s hosts_60s 3 214 0.61"
    assert "CHhAvVGS1DHFjwGM9" in entry.text
    assert "203.0.113.7" in entry.text
    assert "attack with 93 % (right in 88 % of 40 verdicts)" in entry.text
    assert str(entry.find_element(By.LINK_TEXT, "T1046").get_attribute("href")).endswith("/T1046/")


def test_an_update_changes_the_entry_in_place_and_leaves_it_open(page: Chrome, service: LiveService) -> None:
    service.store(SCAN, BEACON)
    until(page, lambda: shown(page) == ["beacon-1", "scan-1"])
    entries(page)[1].find_element(By.TAG_NAME, "summary").click()
    service.store(replace(SCAN, count=999, last_ts=SCAN.ts + 5, status="closed"))
    until(page, lambda: "999 records" in entries(page)[1].text)
    assert shown(page) == ["beacon-1", "scan-1"]
    assert "closed" in entries(page)[1].text
    assert entries(page)[1].find_element(By.CSS_SELECTOR, "tbody tr").is_displayed()


def test_a_muted_alert_leaves_the_page(page: Chrome, service: LiveService) -> None:
    service.store(SCAN, BEACON)
    until(page, lambda: shown(page) == ["beacon-1", "scan-1"])
    service.mute(SCAN.device)
    until(page, lambda: shown(page) == ["beacon-1"])


def test_what_an_alert_was_can_be_said_on_the_page(page: Chrome, service: LiveService) -> None:
    service.store(SCAN, BEACON)
    until(page, lambda: shown(page) == ["beacon-1", "scan-1"])
    entries(page)[1].find_element(By.TAG_NAME, "summary").click()
    entries(page)[1].find_element(By.CSS_SELECTOR, "[data-verdict=expected]").click()
    until(page, lambda: "Called expected" in entries(page)[1].text)
    assert entries(page)[1].get_attribute("data-status") == "closed"
    assert entries(page)[0].get_attribute("data-status") == "open"


def test_an_alert_about_the_service_is_seen_and_teaches_nothing(page: Chrome, service: LiveService) -> None:
    own = {"device": "nslabs", "log": "prevention", "behaviour": "block-limit", "technique": None, "reasons": ()}
    service.store(replace(SCAN, id="own-1", count=7, **own))
    until(page, lambda: shown(page) == ["own-1"])
    assert "7 decisions" in entries(page)[0].text
    entries(page)[0].find_element(By.TAG_NAME, "summary").click()
    buttons = entries(page)[0].find_elements(By.CSS_SELECTOR, "[data-verdict]")
    assert [(button.text, button.get_attribute("data-verdict")) for button in buttons] == [
        ("Seen: close it", "expected")
    ]
    assert "No single feature" not in entries(page)[0].text


def test_what_logs_contain_is_never_markup(page: Chrome, service: LiveService) -> None:
    reason = Reason(HOSTILE, 1.0, 0.0, 1.0, HOSTILE)
    fields = dict.fromkeys(("id", "device", "behaviour", "log", "sentence", "technique"), HOSTILE)
    service.store(replace(SCAN, **fields, reasons=(reason,), uids=(HOSTILE,), peers=(HOSTILE,)))  # type: ignore[arg-type]
    service.score(scored(1, device=HOSTILE))
    until(page, lambda: shown(page) == [HOSTILE])
    entry = entries(page)[0]
    entry.find_element(By.TAG_NAME, "summary").click()
    until(page, lambda: HOSTILE in text(page, "chart-caption"))
    assert entry.text.count(HOSTILE) >= len(fields)
    assert entry.find_elements(By.CSS_SELECTOR, "img, script") == []
    assert page.title == "nslabs"


def test_filters_choose_among_stored_and_live_alerts(page: Chrome, service: LiveService) -> None:
    service.store(SCAN, BEACON)
    until(page, lambda: len(shown(page)) == 2)
    Select(page.find_element(By.NAME, "severity")).select_by_value("high")
    until(page, lambda: shown(page) == ["scan-1"])
    service.store(replace(BEACON, id="beacon-2"), replace(BEACON, id="beacon-3", severity="high"))
    until(page, lambda: shown(page) == ["beacon-3", "scan-1"])
    page.find_element(By.CSS_SELECTOR, "#filters button").click()
    until(page, lambda: set(shown(page)) == {"beacon-1", "beacon-2", "beacon-3", "scan-1"})
    page.find_element(By.NAME, "q").send_keys("168.7.9\t")
    until(page, lambda: set(shown(page)) == {"beacon-1", "beacon-2", "beacon-3"})
    service.store(replace(SCAN, id="scan-2"), replace(BEACON, id="beacon-4"))
    until(page, lambda: set(shown(page)) == {"beacon-1", "beacon-2", "beacon-3", "beacon-4"})


def test_filters_are_the_servers_and_stay_in_the_address(page: Chrome, service: LiveService) -> None:
    """An open alert that is older than everything which was loaded is found, and the address shows the same again."""
    service.store(*(replace(SCAN, id=f"scan-{number}", ts=SCAN.ts + number, status="closed") for number in range(60)))
    service.store(replace(BEACON, ts=SCAN.ts - 60))
    page.get(f"{service.url}?q=7.9&severity=medium&open=1")
    until(page, lambda: shown(page) == ["beacon-1"])
    page.find_element(By.NAME, "q").clear()
    page.find_element(By.NAME, "q").send_keys("nowhere\t")
    until(page, lambda: text(page, "no-alerts") == "No alert matches these filters.")
    assert page.current_url.endswith("?q=nowhere&severity=medium&open=1")
    page.refresh()
    until(page, lambda: text(page, "no-alerts") == "No alert matches these filters.")
    page.find_element(By.CSS_SELECTOR, "#filters button").click()
    until(page, lambda: len(shown(page)) == 50)
    assert page.current_url == service.url


def test_a_verdict_can_be_changed(page: Chrome, service: LiveService) -> None:
    service.store(SCAN)
    until(page, lambda: shown(page) == ["scan-1"])
    entries(page)[0].find_element(By.TAG_NAME, "summary").click()
    entries(page)[0].find_element(By.CSS_SELECTOR, "[data-verdict=expected]").click()
    until(page, lambda: "Called expected" in entries(page)[0].text)
    entries(page)[0].find_element(By.CSS_SELECTOR, "[data-verdict=attack]").click()
    until(page, lambda: "Called attack" in entries(page)[0].text)


def test_older_alerts_come_page_by_page(page: Chrome, service: LiveService) -> None:
    service.store(*(replace(SCAN, id=f"scan-{number}", ts=SCAN.ts + number) for number in range(120)))
    page.refresh()
    until(page, lambda: len(shown(page)) == 50)
    page.find_element(By.ID, "older").click()
    until(page, lambda: len(shown(page)) == 100)
    page.find_element(By.ID, "older").click()
    until(page, lambda: len(shown(page)) == 120)
    assert shown(page) == [f"scan-{number}" for number in reversed(range(120))]
    assert not page.find_element(By.ID, "older").is_displayed()


def until_shown(browser: Chrome, alerts: int) -> None:
    until(browser, lambda: len(shown(browser)) == alerts)


def until_other_count(browser: Chrome, before: str) -> None:
    until(browser, lambda: text(browser, "alert-count") != before)


@pytest.mark.slow
def test_all_alerts_can_be_reached_however_many_came_while_the_page_was_open(
    page: Chrome, service: LiveService
) -> None:
    """More than are kept, many of them raised at the same moment, and others that come meanwhile."""
    stored = [replace(SCAN, id=f"scan-{number:03}", ts=SCAN.ts + number // 100) for number in range(560)]
    service.store(*stored[:530])
    page.refresh()
    until(page, lambda: len(shown(page)) == 50)
    for loaded in range(50, 500, 50):
        page.find_element(By.ID, "older").click()
        until_shown(page, loaded + 50)
    service.store(*stored[530:])
    until(page, lambda: shown(page)[0].startswith("scan-5") and len(shown(page)) == 500)
    while page.find_element(By.ID, "older").is_displayed():
        asked = page.execute_script("return document.querySelector('#alert-count').textContent")
        page.find_element(By.ID, "older").click()
        until_other_count(page, asked)
    assert set(shown(page)) == {alert.id for alert in stored}


def scored(rows: int, device: str = "192.168.7.21") -> ScoredBatch:
    """Return a batch whose last record is an anomaly."""
    scores = np.linspace(0.1, 0.97, rows)
    return ScoredBatch(
        "conn", [f"C{row}" for row in range(rows)], [device] * rows, np.zeros(rows), scores, scores == scores[-1]
    )


def test_scores_are_drawn_and_told_in_words(page: Chrome, service: LiveService) -> None:
    service.score(scored(40))
    words = "40 records, 1 anomaly; highest score 0.970, of 192.168.7.21."
    until(page, lambda: text(page, "chart-caption") == words)
    assert page.execute_script(COUNT_ANOMALY_PIXELS) > 0


def test_health_of_every_stage_is_shown(page: Chrome) -> None:
    until(page, lambda: text(page, "health") == "degraded")
    assert "no log found in" in text(page, "reasons")
    stages = stage_states(page)
    assert list(stages) == ["source", "models", "store", "stream", "requests", "prevention"]
    assert (stages["models"], stages["source"]) == ("running", "degraded")


def stage_states(browser: Chrome) -> dict[str, str]:
    """Return the state of each stage, by its name."""
    script = "return [...document.querySelectorAll('#stages dt')].map(term => term.innerText.split('\\n'))"
    return dict(browser.execute_script(script))


def test_each_sink_is_a_stage_of_its_own(
    browser: Chrome, serving: Callable[..., AbstractContextManager[LiveService]], tmp_path: Path
) -> None:
    sinks = {name: {"type": "file", "path": str(tmp_path / f"{name}.json")} for name in ("siem", "lake")}
    with serving(sinks=sinks) as live:
        browser.get(live.url)
        states = until(browser, lambda: stage_states(browser))
        assert (states["sink siem"], states["sink lake"]) == ("running", "running")


def test_the_page_finds_its_way_back_after_a_restart(page: Chrome, service: LiveService) -> None:
    service.store(SCAN)
    until(page, lambda: shown(page) == ["scan-1"])
    service.stop()
    until(page, lambda: "next try in" in text(page, "connection"))
    until(page, lambda: text(page, "health") == "no answer")
    states = "return [...document.querySelectorAll('#stages .state')].map(({ textContent }) => textContent)"
    assert set(page.execute_script(states)) == {"unknown"}
    assert "does not answer" in text(page, "reasons")
    service.store(BEACON)
    service.start()
    until(page, lambda: text(page, "connection") == "live")
    until(page, lambda: shown(page) == ["beacon-1", "scan-1"])


def test_the_alert_budget_is_told_with_one_alert_more_and_less(browser: Chrome, service: LiveService) -> None:
    browser.get(service.url)
    rows = until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "#budget tr"))
    told = [[cell.text for cell in row.find_elements(By.CSS_SELECTOR, "th, td")] for row in rows]
    every = ", ".join(f"{kind} 1 in 2,000" for kind in KINDS)
    assert told == [[name, budget, "unknown", every] for name, budget in zip(
        ("one less", "now", "one more"), "123", strict=True
    )]  # fmt: skip
    assert "three are needed" in browser.find_element(By.ID, "budget-note").text
