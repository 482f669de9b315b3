"""For everybody: axe-core finds nothing serious, and a keyboard is enough."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Opener

VENDORED = Path(__file__).parent / "vendor" / "axe-core"
OVERVIEW = "/dashboards/photo-api-overview?from=now-5m"


def serious(page: Page) -> list[str]:
    """The rules that a page breaks seriously, each with an element."""
    page.evaluate((VENDORED / "axe.min.js").read_text() + "; undefined")
    answer: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{rule['id']}: {json.dumps(node['target'])} {node['failureSummary']}"
        for rule in answer["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


def test_axe_core_is_the_published_file() -> None:
    digest = hashlib.sha256((VENDORED / "axe.min.js").read_bytes()).hexdigest()
    assert digest in (VENDORED / "README.md").read_text()


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("path", ["/", OVERVIEW, "/alerts", "/silences/new", "/runbooks/ServiceDown", "/runbooks"])
def test_axe_finds_nothing_serious(console: str, open_page: Opener, path: str, scheme: str) -> None:
    page = open_page(f"{console}{path}", wait=path not in {"/silences/new", "/runbooks"}, color_scheme=scheme)
    expect(page.locator("h1").first).to_be_visible()
    assert serious(page) == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_serious_in_any_kind_of_panel(sample_console: str, open_page: Opener, scheme: str) -> None:
    tall = {"width": 1400, "height": 3000}
    page = open_page(f"{sample_console}/dashboards/sample?lang=en", viewport=tall, color_scheme=scheme)
    page.get_by_role("button", name="About: panel 1", exact=True).click()
    assert serious(page) == []


def test_the_first_tab_skips_the_menu(console: str, open_page: Opener) -> None:
    page = open_page(console)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()


def test_a_variable_is_chosen_by_keyboard_alone(console: str, open_page: Opener) -> None:
    page = open_page(f"{console}{OVERVIEW}")
    box = page.locator("[data-variable=instance]")
    box.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(box.get_by_label("api-1")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.wait_for_url(lambda url: "var-instance=api-1" in url)
    assert page.evaluate("document.activeElement.value") == "api-1"
