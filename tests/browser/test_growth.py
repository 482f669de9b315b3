"""A tab left open does not grow: two hundred refreshes leave nodes, listeners and heap as they were."""

from playwright.sync_api import CDPSession, Page, expect
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


def test_two_hundred_refreshes_leave_no_trace(console: str, open_page: Opener) -> None:
    page = open_page(f"{console}/dashboards/photo-api-overview?from=now-5m&refresh=1h")
    page.set_default_timeout(120_000)
    expect(page.locator(".panel[data-state=ready]").first).to_be_visible()
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    refresh(page, WARM)
    before = measured(session)
    refresh(page, REFRESHES)
    after = measured(session)
    assert int(page.locator("body").get_attribute("data-rounds") or 0) >= WARM + REFRESHES
    # Legends gain a row when an endpoint is first used; what leaks grows with every refresh.
    assert after["Nodes"] - before["Nodes"] < 2 * REFRESHES
    assert after["JSEventListeners"] - before["JSEventListeners"] < REFRESHES / 2
    assert after["JSHeapUsedSize"] - before["JSHeapUsedSize"] < 2 * MEGABYTE
