"""A tab left open does not grow: two hundred refreshes leave nodes, listeners and heap as they were."""

import pytest
from playwright.sync_api import CDPSession, Page
from tests.browser.conftest import Opener

WARM, REFRESHES = 20, 200
MEGABYTE = 1 << 20


def refresh(page: Page, times: int) -> None:
    """Force refreshes, one after the other, each to its end."""
    page.evaluate(
        """async times => {
          const button = document.getElementById("refresh-now");
          for (let round = 0; round < times; round++) {
            const done = new Promise(resolve => new MutationObserver((_, observer) => {
              observer.disconnect();
              resolve();
            }).observe(document.body, {attributeFilter: ["data-rounds"]}));
            button.click();
            await done;
          }
        }""",
        times,
    )


def measured(session: CDPSession) -> dict[str, float]:
    session.send("HeapProfiler.collectGarbage")
    return {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}


@pytest.mark.timeout(600)
def test_two_hundred_refreshes_leave_no_trace(sample_console: str, open_page: Opener) -> None:
    """On every kind of panel, those that fail and are empty too."""
    page = open_page(f"{sample_console}/dashboards/sample", viewport={"width": 1400, "height": 3000})
    page.set_default_timeout(500_000)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    refresh(page, WARM)
    windows = []
    for _ in range(2):
        before = measured(session)
        refresh(page, REFRESHES // 2)
        after = measured(session)
        windows.append({name: after[name] - before[name] for name in after})
    assert int(page.locator("body").get_attribute("data-rounds") or 0) >= WARM + REFRESHES
    # A young stack's new series make a legend longer once; what leaks grows in both halves, by 100 for one a refresh.
    grown = {name: min(window[name] for window in windows) for name in windows[0]}
    assert grown["Nodes"] < REFRESHES / 4
    assert grown["JSEventListeners"] < REFRESHES / 4
    assert grown["JSHeapUsedSize"] < MEGABYTE
