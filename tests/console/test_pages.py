"""Assets, dashboards, runbooks: what the console serves of its own."""

import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest
from tests.console.running import console, settings

from photo_monitoring.console import boards, runbook_pages
from photo_monitoring.console.assets import TYPES, Assets
from photo_monitoring.console.boards import Boards, default_folder
from photo_monitoring.console.pages import short_title
from photo_monitoring.console.server import application
from photo_monitoring.console.settings import ConsoleError

STATIC = Path(boards.__file__).parent / "static"
BUDGET = 120_000
UIDS = ["photo-api-overview", "photo-api-slo", "photo-api-fleet", "photo-api-growth"]


def test_scripts_and_styles_stay_small() -> None:
    files = [path for path in STATIC.rglob("*") if path.suffix in TYPES]
    assert len(files) > 20
    assert sum(len(gzip.compress(path.read_bytes(), 9)) for path in files) < BUDGET


def test_uplot_is_the_published_file() -> None:
    folder = STATIC / "vendor" / "uplot"
    digest = hashlib.sha256((folder / "uPlot.iife.min.js").read_bytes()).hexdigest()
    assert digest in (folder / "README.md").read_text()
    assert "MIT License" in (folder / "LICENSE").read_text()


def test_every_module_that_a_script_imports_is_there() -> None:
    for script in STATIC.glob("*.js"):
        for name in re.findall(r'from "\./([^"]+)"', script.read_text()):
            assert (STATIC / name).is_file(), f"{script.name} imports {name}"


async def test_an_asset_is_kept_for_ever_under_the_address_of_its_version() -> None:
    async with console() as client:
        path = f"/static/{Assets().version}/app.js"
        answer = await client.get(path)
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["Content-Encoding"] == "gzip"
        again = await client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert (await client.get("/static/older/app.js")).status_code == 404


async def test_an_asset_is_the_same_with_and_without_compression() -> None:
    async with console() as client:
        path = f"/static/{Assets().version}/console.css"
        plain = await client.get(path, headers={"Accept-Encoding": "identity"})
        assert "Content-Encoding" not in plain.headers
        assert plain.content == (await client.get(path)).content == (STATIC / "console.css").read_bytes()


def test_every_rendered_dashboard_is_there_in_both_languages() -> None:
    found = Boards(default_folder())
    korean, english = [[board.uid for board in found.listed(lang)] for lang in ("ko", "en")]
    assert korean == english
    assert korean[: len(UIDS)] == UIDS
    assert set(korean) == {path.stem for path in (default_folder() / "ko").glob("*.json")}


async def test_a_dashboard_is_served_as_it_was_rendered() -> None:
    async with console() as client:
        served = await client.get("/api/boards/photo-api-overview", params={"lang": "en"})
        assert served.content == (default_folder() / "en" / "photo-api-overview.json").read_bytes()
        assert (await client.get("/api/boards/nowhere")).status_code == 404


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"uid": "a/b", "title": "x", "panels": []}', '{"uid": 1}'])
def test_a_file_that_is_no_dashboard_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "ko").mkdir()
    (tmp_path / "ko" / "mine.json").write_text(content)
    with pytest.raises(ConsoleError, match=r"^--dashboards: .*mine\.json.*$"):
        Boards(tmp_path)


def test_a_folder_without_dashboards_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConsoleError, match="photo-monitoring render"):
        application(settings(dashboards=tmp_path))


def test_a_dashboard_of_ones_own_comes_after_ours(tmp_path: Path) -> None:
    for uid in ("mine", "photo-api-slo"):
        (tmp_path / "ko").mkdir(exist_ok=True)
        (tmp_path / "ko" / f"{uid}.json").write_text(json.dumps({"uid": uid, "title": uid, "panels": []}))
    assert [board.uid for board in Boards(tmp_path).listed("ko")] == ["photo-api-slo", "mine"]
    assert Boards(tmp_path).find("mine", "en") is not None


def test_the_menu_leaves_out_what_it_says_already() -> None:
    assert short_title("Photo API: objectives") == "Objectives"
    assert short_title("Photo API 고가용성") == "고가용성"
    assert short_title("Other system") == "Other system"


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The source of the one runbook that is read."""
    source = [""]
    monkeypatch.setattr(runbook_pages, "runbook", lambda _alert, _lang: source[0])
    return source


def html(lang: str = "ko") -> str:
    found = runbook_pages.RunbookPages("ko").html("ServiceDown", "en" if lang == "en" else "ko")
    assert found is not None
    return found


def test_raw_html_of_a_runbook_is_shown_not_run(page: list[str]) -> None:
    page[0] = "<script>alert(1)</script>\n\ntext <img src=x onerror=alert(1)>"
    assert "<script" not in html()
    assert "<img" not in html()


def test_a_link_to_a_script_is_no_link(page: list[str]) -> None:
    page[0] = "[a](javascript:alert(1)) [b](data:text/html,x)"
    assert "href" not in html()


def test_links_between_runbooks_stay_here_in_the_readers_language(page: list[str]) -> None:
    page[0] = "[one](SlowLogin.md) [two](./SlowLogin.ko.md#x)"
    assert html("ko").count('href="/runbooks/SlowLogin"') == 2
    assert html("en").count('href="/runbooks/SlowLogin?lang=en"') == 2


def test_links_to_files_of_the_repository_lead_nowhere(page: list[str]) -> None:
    page[0] = "[metrics](../reference/metrics.md) [out](https://example.com/x) [here](#part)"
    assert re.findall(r'href="([^"]*)"', html()) == ["https://example.com/x", "#part"]


async def test_a_runbook_that_is_not_there_is_404_and_its_name_only_text() -> None:
    async with console() as client:
        answer = await client.get("/runbooks/%3Cscript%3E")
        assert answer.status_code == 404
        assert "<script>" not in answer.text
        assert (await client.get("/runbooks/..%2f..%2fREADME")).status_code == 404


async def test_a_page_leads_to_itself_in_the_other_language() -> None:
    async with console() as client:
        korean = (await client.get("/dashboards/photo-api-overview?from=now-6h&var-instance=a%26b")).text
        assert 'href="/dashboards/photo-api-overview?from=now-6h&amp;var-instance=a%26b&amp;lang=en"' in korean
        english = (await client.get("/alerts?lang=en")).text
        assert '<html lang="en">' in english
        assert 'id="language" href="/alerts"' in english


def test_compressed_assets_are_the_same_at_every_start() -> None:
    one, other = Assets(), Assets()
    assert one.version == other.version
