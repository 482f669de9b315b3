"""The scripts' arithmetic: units, steps, durations, variables, matchers."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page
from tests.browser.conftest import Opener
from tests.support.console import running_console


@pytest.fixture(scope="module")
def console() -> Iterator[str]:
    """A console for its scripts alone: there is nobody to ask."""
    with running_console("--prometheus", "http://127.0.0.1:1", "--alertmanager", "http://127.0.0.1:1") as url:
        yield url


@pytest.fixture(scope="module")
def page(console: str, keep_page: Opener) -> Page:
    keep_page.watch.allowed.append("502")
    return keep_page(f"{console}/silences/new?lang=en", wait=False)


def call(page: Page, module: str, expression: str, *values: Any) -> Any:
    """Evaluate an expression of a module `m` and arguments `a`."""
    found = re.search(r'src="([^"]+)app\.js"', page.content())
    assert found
    script = f"async ([path, a]) => {{ const m = await import(path); return {expression}; }}"
    return page.evaluate(script, [f"{found.group(1)}{module}.js", list(values)])


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.12345, "percentunit", "12.3%"),
        (0, "percentunit", "0%"),
        (99.95, "percent", "100%"),
        (0.0000123, "s", "12.3 µs"),
        (0.25, "s", "250 ms"),
        (90, "s", "90 s"),
        (5400, "s", "90 min"),
        (200_000, "s", "2.31 d"),
        (1_500_000, "decbytes", "1.5 MB"),
        (1_048_576, "bytes", "1 MiB"),
        (999_999, "decbytes", "1 MB"),
        (2500, "Bps", "2.5 kB/s"),
        (12.5, "Mbits", "12.5 Mb/s"),
        (0.5, "Mbits", "500 kb/s"),
        (0, "Mbits", "0 Mb/s"),
        (1234, "short", "1.23 K"),
        (300, "reqpm", "300 req/min"),
        (5, "suffix: blocks/min", "5 blocks/min"),
        (3, "suffix: ×", "3 ×"),
        (7, "parsecs", "7 parsecs"),
        (-1500, "short", "-1.5 K"),
        (None, "s", "–"),
    ],
)
def test_a_value_is_written_in_its_unit(page: Page, value: float | None, unit: str, text: str) -> None:
    assert call(page, "units", "m.formatted(a[0], a[1])", value, unit) == text


def test_decimals_are_kept_where_they_are_asked_for(page: Page) -> None:
    assert call(page, "units", "m.formatted(0.99, 'percentunit', 3)") == "99.000%"


@pytest.mark.parametrize(
    ("span", "points", "least", "step"),
    [(3600, 1000, 15, 15), (86_400, 1000, 15, 120), (2_592_000, 1000, 30, 3600), (300, 1000, 0.5, 1)],
)
def test_a_step_is_round_and_never_below_the_scrape(
    page: Page, span: float, points: int, least: float, step: float
) -> None:
    assert call(page, "queries", "m.stepOf(...a)", span, points, least) == step


def test_a_rate_window_holds_four_scrapes_or_a_step_and_a_scrape(page: Page) -> None:
    narrow = call(page, "queries", "m.builtIns(15, 15, 0, 3600)")
    wide = call(page, "queries", "m.builtIns(3600, 30, 0, 2592000)")
    assert (narrow["__rate_interval"], narrow["__interval"], narrow["__range"]) == ("60s", "15s", "3600s")
    assert (wide["__rate_interval"], wide["__range_s"]) == ("3630s", "2592000")


MODEL = {"name": "v", "type": "query", "multi": True, "includeAll": True, "query": {"query": "label_values(up, x)"}}


def filled(page: Page, text: str, chosen: list[str], **model: Any) -> str:
    script = "new m.Variables([a[0]], new URLSearchParams(a[1])).fill(a[2], {__range: '60s'})"
    asked = "&".join(f"var-v={value}" for value in chosen)
    result: str = call(page, "variables", script, MODEL | model, asked, text)
    return result


def test_variables_become_regular_expressions_of_exactly_what_is_chosen(page: Page) -> None:
    assert filled(page, 'up{x=~"$v"}[$__range]', ["a"]) == 'up{x=~"a"}[60s]'
    assert filled(page, 'up{x=~"${v}"}', ["a", "b"]) == 'up{x=~"(a|b)"}'
    assert filled(page, 'up{x=~"$v"}', ["/share/{token}"]) == r'up{x=~"/share/\\{token\\}"}'
    assert filled(page, 'up{x=~"$v"}', [r"a.b%5Cc"]) == r'up{x=~"a\\.b\\\\c"}'
    assert filled(page, 'up{x=~"$v"}', ['a"} or secret{x="']) == r'up{x=~"a\"\\} or secret\\{x=\""}'
    assert filled(page, "$other $1", ["a"]) == "$other $1"


def test_all_is_the_boards_own_expression_or_every_value(page: Page) -> None:
    assert filled(page, 'up{x=~"$v"}', ["$__all"], allValue=".+") == 'up{x=~".+"}'
    assert filled(page, 'up{x=~"$v"}', [], allValue=".+") == 'up{x=~".+"}'
    assert filled(page, 'up{x=~"$v"}', ["$__all"], type="custom", query="a,b") == 'up{x=~"(a|b)"}'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('alertname="ServiceDown"', [["alertname", "ServiceDown", False, True]]),
        ("alertname=ServiceDown", [["alertname", "ServiceDown", False, True]]),
        ('{alertname="A", instance!~"api-.*"}', [["alertname", "A", False, True], ["instance", "api-.*", True, False]]),
        ('a="x\\"y"\nb!=z', [["a", 'x"y', False, True], ["b", "z", False, False]]),
    ],
)
def test_matchers_are_read_as_alertmanager_writes_them(page: Page, text: str, found: list[list[Any]]) -> None:
    script = "m.parsed(a[0]).found.map(one => [one.name, one.value, one.isRegex, one.isEqual])"
    assert call(page, "silence", script, text) == found


@pytest.mark.parametrize("text", ["x", "=y", 'a="', "a=b c"])
def test_a_line_that_is_no_matcher_is_named(page: Page, text: str) -> None:
    assert call(page, "silence", "m.parsed(a[0]).bad", text) == [text]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("now", 1000), ("now-6h", 1000 - 21_600), ("1700000000000", 1_700_000_000), ("later", None), ("now-6x", None)],
)
def test_a_time_is_read_as_grafana_writes_it(page: Page, text: str, seconds: float | None) -> None:
    assert call(page, "clock", "m.instant(a[0], 1000)", text) == seconds


def test_times_are_those_of_seoul_whatever_the_machines_zone(console: str, open_page: Opener) -> None:
    open_page.watch.allowed.append("502")
    page = open_page(f"{console}/silences/new", wait=False, timezone_id="America/New_York")
    assert call(page, "clock", "m.clockTime(0)") == "09:00:00"
