"""The rendered dashboards on the live stack: every row alive, and what one chooses in the head of a board."""

import json
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect
from tests.browser.conftest import Opener
from tests.stack.running import Stack

OVERVIEW = "/dashboards/photo-api-overview"
TALL = {"width": 1400, "height": 2200}
ROWS = 6
PANELS = 24
REQUESTS = 24
RANGE = "from=now-5m"


def queries(request: Request) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(request.post_data or "{}").get("queries", [])
    return found


@pytest.fixture(scope="module", params=["ko", "en"])
def overview(request: pytest.FixtureRequest, busy_stack: Stack, console: str, keep_page: Opener) -> Page:
    """The guide's board under load, in each language, with all of its panels in view."""
    assert busy_stack.state("prometheus") == "running"
    return keep_page(f"{console}{OVERVIEW}?{RANGE}&refresh=1s&lang={request.param}", viewport=TALL)


def test_every_row_of_the_guide_shows_drawn_data(overview: Page) -> None:
    expect(overview.locator(".row")).to_have_count(ROWS)
    expect(overview.locator(".panel")).to_have_count(PANELS)
    for row in overview.locator(".row").all():
        for panel in row.locator(".panel").all():
            title = panel.locator("h3").inner_text()
            expect(panel, title).to_have_attribute("data-state", "ready", timeout=60_000)
            marks = panel.locator("canvas, svg, .stat b, tbody tr")
            assert marks.count() > 0, title


def test_every_chart_has_a_legend_with_values(overview: Page) -> None:
    for chart in overview.locator(".panel[data-type=timeseries]").all():
        expect(chart.locator(".legend td").first).not_to_be_empty()


def test_a_refresh_is_one_round_of_few_requests(console: str, open_page: Opener) -> None:
    page = open_page(f"{console}{OVERVIEW}?{RANGE}&refresh=", viewport=TALL)
    expect(page.locator(".panel[data-state=loading]")).to_have_count(0)
    page.locator("body:not([data-busy])").wait_for(state="attached")
    asked: list[Request] = []
    events: list[str] = []

    def sent(request: Request) -> None:
        asked.append(request)
        events.append("asked")

    page.on("request", sent)
    page.on("response", lambda _: events.append("answered"))
    before = int(page.locator("body").get_attribute("data-rounds") or 0)
    page.locator("#refresh-now").click()
    expect(page.locator("body")).to_have_attribute("data-rounds", str(before + 1))
    assert 1 <= len(asked) <= REQUESTS
    assert sum(len(queries(one)) for one in asked) > PANELS
    assert events[: len(asked)] == ["asked"] * len(asked), "one round: nothing is asked after the first answer"


def test_the_language_changes_titles_and_keeps_what_was_chosen(console: str, open_page: Opener) -> None:
    page = open_page(f"{console}{OVERVIEW}?{RANGE}&var-instance=api-1")
    expect(page.locator("#panel-12 h3")).to_have_text("활성 인스턴스 수")
    page.get_by_role("link", name="English").click()
    expect(page.locator("#panel-12 h3")).to_have_text("Active instances")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    assert "var-instance=api-1" in page.url
    assert RANGE in page.url


def test_a_chosen_instance_filters_what_is_asked_and_is_in_the_address(console: str, open_page: Opener) -> None:
    page = open_page(f"{console}{OVERVIEW}?{RANGE}")
    box = page.locator("[data-variable=instance]")
    box.locator("summary").click()
    with page.expect_request(lambda one: any("api-2" in str(query) for query in queries(one))):
        box.get_by_label("api-2").check()
    page.wait_for_url(lambda url: "var-instance=api-2" in url)
    expect(page.locator("#panel-11 .dial")).to_have_count(1)
    expect(page.locator("#panel-11 .name")).to_have_text("api-2")
    page.keyboard.press("Escape")
    expect(box.locator("summary")).to_be_focused()
    expect(box.locator("summary")).to_have_text("인스턴스 api-2")


def test_a_chosen_range_is_asked_for_and_is_in_the_address(console: str, open_page: Opener) -> None:
    page = open_page(f"{console}{OVERVIEW}")

    def is_six_hours(one: Request) -> bool:
        return any(abs(query["end"] - query["start"] - 21_600) <= query.get("step", 0) for query in queries(one))

    with page.expect_request(is_six_hours):
        page.get_by_role("button", name="6시간").click()
    page.wait_for_url(lambda url: "from=now-6h" in url)
    page.reload()
    expect(page.get_by_role("button", name="6시간")).to_have_attribute("aria-pressed", "true")


def test_a_board_refreshes_by_itself_and_not_when_switched_off(console: str, open_page: Opener) -> None:
    page = open_page(f"{console}/runbooks", wait=False, viewport={"width": 800, "height": 500})
    page.clock.install()
    page.goto(f"{console}{OVERVIEW}?{RANGE}&refresh=1m")
    body, idle = page.locator("body"), page.locator("body:not([data-busy])")
    for rounds in ("1", "2"):
        expect(body).to_have_attribute("data-rounds", rounds)
        idle.wait_for(state="attached")
        page.clock.run_for(60_000)
    expect(body).to_have_attribute("data-rounds", "3")
    page.get_by_label("새로 고침 간격").select_option("")
    page.wait_for_url(lambda url: url.endswith("refresh="))
    page.clock.run_for(300_000)
    idle.wait_for(state="attached")
    expect(body).to_have_attribute("data-rounds", "3")


def test_no_board_has_a_panel_that_cannot_be_drawn_or_a_query_that_is_wrong(console: str, open_page: Opener) -> None:
    page = open_page(f"{console}{OVERVIEW}?{RANGE}")
    addresses = [one.get_attribute("href") for one in page.locator("nav a[href^='/dashboards/']").all()]
    assert len(addresses) >= 2
    for address in addresses:
        if address == OVERVIEW:
            continue
        page.set_viewport_size({"width": 1400, "height": 9000})
        page.goto(f"{console}{address}?{RANGE}")
        page.locator("body[data-rounds]").wait_for(state="attached")
        expect(page.locator(".panel").first).to_be_visible()
        expect(page.locator(".panel[data-state=loading]")).to_have_count(0, timeout=40_000)
        page.locator("body:not([data-busy])").wait_for(state="attached")
        for panel in page.locator(".panel[data-state=error], .panel[data-state=away]").all():
            pytest.fail(f"{address}: {panel.inner_text()}")
        assert page.get_by_text("이 종류의 패널은 그릴 수 없습니다").count() == 0


@pytest.mark.parametrize(
    "viewport", [{"width": 360, "height": 740}, {"width": 3840, "height": 2160}], ids=["phone", "wall"]
)
@pytest.mark.parametrize("path", ["/", OVERVIEW, "/alerts", "/silences/new", "/runbooks/ServiceDown"])
def test_nothing_is_wider_than_the_screen_or_too_small(
    console: str, open_page: Opener, path: str, viewport: dict[str, int]
) -> None:
    page = open_page(f"{console}{path}", wait="new" not in path, viewport=viewport)
    # Charts that were just drawn take the width of their panel in the next frame.
    page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=viewport["width"])
    size = float(page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)"))
    assert size >= (20 if viewport["width"] > 2000 else 14)
