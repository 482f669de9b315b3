"""Each kind of panel, on values that are known."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import Opener
from tests.browser.sample_board import BROKEN_UID, HOSTILE, PANELS
from tests.support.console import running_console

TALL = {"width": 1400, "height": 3000}
# Colours of the dark theme.
ORANGE, RED, GREEN, PINK = (255, 154, 61), (255, 101, 115), (95, 191, 119), (255, 140, 198)
HOTTEST = (251, 149, 106)
OWN = (0, 229, 176)


@pytest.fixture(scope="module")
def page(sample_console: str, keep_page: Opener) -> Page:
    """One page for all tests that leave it as it was."""
    return keep_page(f"{sample_console}/dashboards/sample?lang=en", viewport=TALL)


def panel(page: Page, number: int) -> Locator:
    return page.locator(f"#panel-{number}")


def legend(page: Page, number: int) -> list[list[str]]:
    rows = panel(page, number).locator(".legend tbody tr").all()
    return [row.locator("th, td").all_inner_texts() for row in rows]


def columns(page: Page, number: int) -> list[list[str]]:
    return [row.locator("td").all_inner_texts() for row in panel(page, number).locator("tbody tr").all()]


def test_a_legend_has_each_series_last_and_highest_value_in_its_unit(page: Page) -> None:
    assert legend(page, 1) == [["two", "2 s", "2 s"], ["half", "500 ms", "500 ms"]]


def test_thresholds_stand_beside_the_legend_and_as_lines_where_they_are_in_view(page: Page) -> None:
    assert panel(page, 1).locator(".limit").all_inner_texts() == ["threshold\n1 s", "threshold\n3 s"]
    # The scale reaches up to 3 s, since 2 s is on its way there: both lines are drawn, in orange and red.
    assert has_line(panel(page, 1), ORANGE)
    assert has_line(panel(page, 1), RED)
    assert panel(page, 2).locator(".limit").count() == 0


def has_line(where: Locator, colour: tuple[int, int, int], *, upright: bool = False) -> bool:
    """Whether some row (or column, of which marks are dashed over areas) of a chart's pixels has much of a colour."""
    return bool(
        where.locator("canvas").evaluate(
            """(canvas, [[red, green, blue], upright]) => {
              const {width, height} = canvas;
              const {data} = canvas.getContext("2d").getImageData(0, 0, width, height);
              const near = (value, wanted) => Math.abs(value - wanted) < 12;
              const counts = new Array(upright ? width : height).fill(0);
              for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
                const at = 4 * (y * width + x);
                if (data[at + 3] < 60 || !near(data[at], red) || !near(data[at + 1], green)) continue;
                if (near(data[at + 2], blue)) counts[upright ? x : y]++;
              }
              return Math.max(...counts) > (upright ? height / 12 : width / 4);
            }""",
            [list(colour), upright],
        )
    )


def test_a_series_is_drawn_in_the_colour_that_its_board_gives_it(page: Page) -> None:
    assert has_line(panel(page, 1), OWN)
    assert not has_line(panel(page, 2), OWN)


def test_a_mark_is_drawn_where_it_begins_and_tells_what_it_is(page: Page) -> None:
    assert has_line(panel(page, 1), PINK, upright=True)
    assert not has_line(panel(page, 1), OWN, upright=True)
    box = panel(page, 1).locator(".u-over").bounding_box()
    assert box
    # Two thirds of a quarter of an hour: some part of it is marked.
    for part in (0.2, 0.4, 0.6, 0.8):
        page.mouse.move(box["x"] + part * box["width"], box["y"] + 30)
        if panel(page, 1).locator(".tip .mark").count():
            break
    expect(panel(page, 1).locator(".tip .mark")).to_have_text("Mark: often")


def test_a_unit_that_only_follows_is_said_once(page: Page) -> None:
    assert panel(page, 2).locator(".unit").inner_text() == "things/min"
    assert legend(page, 2) == [["one", "1", "1"], ["three", "3", "3"]]


def test_a_series_with_an_axis_of_its_own_keeps_its_unit(page: Page) -> None:
    assert legend(page, 14) == [["left", "7 s", "7 s"], ["right", "25%", "25%"]]


def test_a_legends_button_hides_and_shows_its_series(page: Page) -> None:
    button = panel(page, 1).get_by_role("button", name="half")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")


def test_a_stat_is_its_last_value(page: Page) -> None:
    expect(panel(page, 3).locator(".stat b")).to_have_text("4.21%")


def test_a_gauge_says_what_its_value_stands_for_in_that_colour(page: Page) -> None:
    dial = panel(page, 4).get_by_role("img")
    expect(dial).to_have_attribute("aria-label", "g: ill")
    expect(dial.locator("text")).to_have_attribute("fill", "#ff6573")


def test_a_table_joins_its_queries_under_the_given_names(page: Page) -> None:
    assert panel(page, 5).locator("th").all_inner_texts() == ["Who", "Count", "Time"]
    assert sorted(columns(page, 5)) == [["a", "50", "5 s"], ["b", "20", "2 s"], ["c", "–", "500 ms"]]


def test_a_tables_heading_sorts_it_either_way(page: Page) -> None:
    heading = panel(page, 5).get_by_role("button", name="Sort by Time")
    heading.click()
    assert [row[0] for row in columns(page, 5)] == ["a", "b", "c"]
    expect(panel(page, 5).locator("th[aria-sort=descending]")).to_have_count(1)
    heading.click()
    assert [row[0] for row in columns(page, 5)] == ["c", "b", "a"]


def test_bars_are_as_long_as_their_values(page: Page) -> None:
    bars = panel(page, 6)
    assert sorted(bars.locator("td.value").all_inner_texts()) == ["0.5 B", "2 B", "5 B"]
    assert sorted(one.evaluate("bar => bar.style.width") for one in bars.locator(".fill").all()) == [
        "10%",
        "100%",
        "40%",
    ]
    assert panel(page, 7).locator(".fill").evaluate("bar => bar.style.width") == "50%"


def test_a_heat_map_and_a_timeline_are_drawn_and_told(page: Page) -> None:
    assert "high" in str(panel(page, 8).get_by_role("img").get_attribute("aria-label"))
    assert panel(page, 9).locator(".limit").inner_text() == "well"
    assert has_line(panel(page, 8), HOTTEST)
    assert has_line(panel(page, 9), GREEN)


def test_no_data_a_wrong_query_and_an_unknown_kind_are_told_apart(page: Page) -> None:
    expect(panel(page, 10)).to_have_attribute("data-state", "empty")
    expect(panel(page, 10).locator(".message")).to_have_text("No data")
    expect(panel(page, 11)).to_have_attribute("data-state", "error")
    expect(panel(page, 11).locator(".message")).to_contain_text("parse error")
    expect(panel(page, 13)).to_contain_text("This kind of panel cannot be drawn: piechart3d")


def test_a_label_is_only_ever_text(page: Page) -> None:
    assert legend(page, 12)[0][0] == HOSTILE
    assert page.locator("main img").count() == 0


def test_a_chart_tells_a_screen_reader_its_values(page: Page) -> None:
    expect(panel(page, 1).get_by_role("img")).to_have_attribute("aria-label", "panel 1. two 2 s, half 500 ms")


def test_the_meaning_of_a_panel_opens_and_closes_by_keyboard_with_its_runbook(page: Page) -> None:
    info = panel(page, 1).get_by_role("button", name="About: panel 1")
    info.focus()
    page.keyboard.press("Enter")
    expect(panel(page, 1)).to_contain_text("what panel 1 means")
    runbook = panel(page, 1).get_by_role("link", name="Runbook: SlowLogin")
    expect(runbook).to_have_attribute("href", "/runbooks/SlowLogin?lang=en")
    page.keyboard.press("Escape")
    expect(runbook).to_be_hidden()
    expect(info).to_be_focused()


def test_a_panel_that_cannot_be_drawn_says_so_and_stops_nothing(sample_console: str, open_page: Opener) -> None:
    open_page.watch.allowed.append("TypeError")
    page = open_page(f"{sample_console}/dashboards/{BROKEN_UID}?lang=en&refresh=1s")
    expect(page.locator("body")).to_have_attribute("data-rounds", re.compile("[3-9]"))
    expect(panel(page, 1)).to_have_attribute("data-state", "error")
    expect(panel(page, 1).locator(".message")).to_contain_text("This panel could not be drawn")
    expect(panel(page, 2).locator(".stat b")).to_have_text("500 ms")


def test_a_time_axis_is_round_on_the_clock_of_the_configured_zone(
    sample_options: tuple[str, ...], open_page: Opener
) -> None:
    """Half an hour off the hours of UTC, which the browser's zone is not."""
    with running_console(*sample_options, "--timezone", "Asia/Kolkata") as url:
        for number in (1, 8):
            page = open_page(f"{url}/runbooks", wait=False, viewport=TALL, timezone_id="America/New_York")
            page.add_init_script(WRITTEN)
            page.goto(f"{url}/dashboards/sample?lang=en&from=now-2d&viewPanel={number}")
            expect(panel(page, number)).to_have_attribute("data-state", "ready")
            texts = page.evaluate("written")
            times = [text for text in texts if ":" in text]
            assert len(times) > 2
            assert [text for text in times if not text.endswith(":00")] == []
            assert [text for text in texts if re.fullmatch(r"\d\d? [A-Z][a-z]{2,3}", text)], "midnight is a date"


WRITTEN = """
globalThis.written = [];
const own = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
  written.push(text);
  return own.call(this, text, ...rest);
};
"""


def test_one_panel_fills_the_page_by_its_address(sample_console: str, open_page: Opener) -> None:
    page = open_page(f"{sample_console}/dashboards/sample?viewPanel=3")
    assert page.locator(".panel").count() == 1
    page.get_by_role("link", name="모든 패널").click()
    expect(page.locator(".panel")).to_have_count(len(PANELS) + 1)


def test_a_closed_row_asks_for_nothing_until_it_opens(page: Page) -> None:
    expect(panel(page, 20)).to_have_attribute("data-state", "loading")
    page.get_by_role("button", name="closed").click()
    expect(panel(page, 20)).to_have_attribute("data-state", "ready")


def test_dragging_over_a_chart_chooses_its_time(page: Page) -> None:
    box = panel(page, 1).locator(".u-over").bounding_box()
    assert box
    page.mouse.move(box["x"] + 60, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 30, steps=4)
    page.mouse.up()
    page.wait_for_url(lambda url: "from=1" in url and "to=1" in url)
    page.get_by_role("button", name="Reset zoom").click()
    page.wait_for_url(lambda url: "from=" not in url)


def test_colours_change_with_the_theme(sample_console: str, open_page: Opener) -> None:
    page = open_page(f"{sample_console}/dashboards/sample?lang=en&viewPanel=1")
    light = (188, 76, 0)
    assert not has_line(panel(page, 1), light)
    page.get_by_role("button", name="Switch between light and dark").click()
    assert has_line(panel(page, 1), light)
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
