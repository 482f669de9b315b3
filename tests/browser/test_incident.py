"""A bad night: an instance dies; the console says so, leads to the runbook, is told to be quiet, and sees it return."""

import httpx
import pytest
from playwright.sync_api import Page, Route, expect
from tests.browser.conftest import Opener
from tests.browser.consoles import silent_server
from tests.stack.running import Stack
from tests.support.console import running_console

SLOW = 60_000
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def healthy(stack: Stack) -> Stack:
    """The shared stack, in order before the test and after."""
    return stack


def test_a_killed_instance_turns_page_and_panel_red_and_back(healthy: Stack, console: str, open_page: Opener) -> None:
    home = open_page(f"{console}/?refresh=1s")
    panel = open_page(f"{console}/dashboards/photo-api-overview?viewPanel=11&from=now-5m&refresh=1s")
    expect(home.locator("[data-instance=api-1]")).to_have_attribute("data-state", "ready")
    assert healthy.command("kill", "api-1").returncode == 0

    expect(panel.get_by_role("img", name="api-1")).to_have_attribute("aria-label", "api-1: 중단", timeout=SLOW)
    alert = home.locator("[data-alert=ServiceDown][data-severity=critical][data-state=firing]")
    expect(alert).to_be_visible(timeout=SLOW)
    # The rules of this stack speak English, the page Korean.
    expect(alert.locator(".summary")).to_have_text("Photo API 인스턴스가 다운되었습니다: api-1")
    expect(home.locator(".answer")).to_have_attribute("data-level", "critical")
    expect(home.locator("[data-instance=api-1] .state")).to_have_text("중단")

    assert healthy.command("start", "api-1").returncode == 0
    expect(alert).to_have_count(0, timeout=SLOW)
    expect(home.locator("[data-instance=api-1] .state")).to_have_text("정상")
    expect(panel.get_by_role("img", name="api-1")).to_have_attribute("aria-label", "api-1: 정상", timeout=SLOW)


def test_an_alert_is_silenced_with_reason_and_end_from_its_own_button(
    healthy: Stack, console: str, open_page: Opener
) -> None:
    url = healthy.url("alertmanager")
    labels = {"alertname": "Rehearsal", "severity": "warning", "place": 'a "quoted" one'}
    httpx.post(f"{url}/api/v2/alerts", json=[{"labels": labels, "annotations": {"summary": "연습"}}]).raise_for_status()
    page = open_page(f"{console}/alerts")
    page.locator("[data-alert=Rehearsal]").get_by_role("link", name="잠시 끄기").click()
    expect(page.get_by_label("끌 알림의 조건")).to_have_value('alertname="Rehearsal"\nplace="a \\"quoted\\" one"')
    expect(page.get_by_text("지금 울리는 알림 1개가 해당합니다.")).to_be_visible()

    page.get_by_role("button", name="알림 끄기").click()
    expect(page.get_by_role("alert")).to_have_text("이유: 값을 입력하세요.")
    expect(page.get_by_label("이유")).to_be_focused()
    page.get_by_label("이유").fill("연습입니다")
    page.get_by_label("이름").fill("kim")
    page.get_by_label("언제까지").select_option("3600")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="알림 끄기").click()
    expect(page.locator(".done")).to_be_focused()

    (held,) = [one for one in httpx.get(f"{url}/api/v2/silences").json() if one["status"]["state"] == "active"]
    assert (held["comment"], held["createdBy"]) == ("연습입니다", "kim")
    page.goto(f"{console}/alerts")
    expect(page.get_by_role("region", name="꺼 둔 알림").locator("[data-alert=Rehearsal]")).to_be_visible()
    page.get_by_role("button", name="지금 끝내기").click()
    expect(page.get_by_text("꺼 둔 알림이 없습니다.")).to_be_visible()


def test_a_runbook_stands_below_whether_its_alert_fires(console: str, open_page: Opener) -> None:
    page = open_page(f"{console}/runbooks/ServiceDown")
    expect(page.get_by_text("이 알림은 지금 울리지 않습니다")).to_be_visible()
    expect(page.locator("article h1")).to_have_text("ServiceDown")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_text("This alert is not firing now")).to_be_visible()


def test_prometheus_away_is_told_apart_and_its_last_values_stay(open_page: Opener, console: str) -> None:
    page = open_page(f"{console}/dashboards/photo-api-overview?viewPanel=13&from=now-5m")
    expect(page.locator("#panel-13")).to_have_attribute("data-state", "ready")
    said = page.locator("#panel-13 .stat b").inner_text()
    away = '{"status":"error","errorType":"unreachable","error":"Prometheus cannot be reached: connection refused"}'
    page.route("**/api/query", lambda route: route.fulfill(
        content_type="application/json", body=f"[{','.join([away] * len(route.request.post_data_json['queries']))}]"
    ))  # fmt: skip
    page.locator("#refresh-now").click()
    expect(page.locator("#banner")).to_contain_text("Prometheus에 연결할 수 없습니다")
    expect(page.locator("#banner")).to_contain_text("connection refused")
    expect(page.locator("#panel-13")).to_have_attribute("data-state", "away")
    expect(page.locator("#panel-13 .stat b")).to_have_text(said)
    page.unroute("**/api/query")
    page.locator("#refresh-now").click()
    expect(page.locator("#panel-13")).to_have_attribute("data-state", "ready")
    expect(page.locator("#banner")).to_be_empty()


def test_a_part_that_prometheus_did_not_answer_is_told_as_that(open_page: Opener, console: str) -> None:
    said = {"server": "prometheus", "kind": "timeout", "message": "Prometheus: query timed out"}

    def partly(route: Route) -> None:
        answer = route.fetch()
        whole = answer.json()
        instances = [one | {"state": "unknown"} for one in whole["instances"]]
        part = {"level": "unknown", "since": None, "ready": None, "instances": instances, "problems": [said]}
        route.fulfill(response=answer, json=whole | part)

    page = open_page(f"{console}/runbooks", wait=False)
    page.route("**/api/overview*", partly)
    page.goto(console)
    reasons = page.locator(".reasons li")  # alerts that fire on this machine come after it
    expect(reasons.first).to_have_text("Prometheus가 모두 답하지는 못했습니다 (Prometheus: query timed out)")
    expect(page.locator("[data-instance=api-1] .state")).to_have_text("알 수 없음")
    expect(page.locator(".keys")).to_contain_text("–/")


def test_a_console_that_reaches_nothing_says_so_on_every_page(open_page: Opener) -> None:
    with running_console("--prometheus", NOWHERE, "--alertmanager", NOWHERE) as url:
        home = open_page(url)
        expect(home.locator(".answer")).to_have_attribute("data-level", "unknown")
        expect(home.locator(".reasons")).to_contain_text("Prometheus에 연결할 수 없습니다")
        expect(home.locator(".reasons")).to_contain_text("Alertmanager에 연결할 수 없습니다")
        silences = open_page(f"{url}/alerts").locator(".silences")
        expect(silences).to_contain_text("꺼 둔 알림을 알 수 없습니다")
        expect(silences).not_to_contain_text("꺼 둔 알림이 없습니다")
        board = open_page(f"{url}/dashboards/photo-api-overview")
        expect(board.locator(".panel").first).to_have_attribute("data-state", "away")
        expect(board.locator("#banner")).to_contain_text("connection refused")
        open_page.watch.allowed.append("502")


def test_while_prometheus_thinks_the_panels_say_that_they_load(open_page: Opener) -> None:
    with silent_server() as silent, running_console("--prometheus", silent) as url:
        page: Page = open_page(f"{url}/dashboards/photo-api-overview", wait=False)
        expect(page.locator(".panel").first).to_have_attribute("data-state", "loading")
        expect(page.locator(".panel .message").first).to_have_text("불러오는 중…")
        page.goto("about:blank")


def test_a_console_that_ends_is_told_and_its_return_noticed(open_page: Opener, console: str) -> None:
    page = open_page(f"{console}/dashboards/photo-api-overview?viewPanel=13&from=now-5m")
    page.context.set_offline(True)
    page.locator("#refresh-now").click()
    expect(page.locator("#banner")).to_have_text("콘솔 서버가 응답하지 않습니다. 다시 시도합니다.")
    page.context.set_offline(False)
    page.locator("#refresh-now").click()
    expect(page.locator("#banner")).to_be_empty()
    open_page.watch.allowed.append("ERR_INTERNET_DISCONNECTED")


def test_with_a_token_one_logs_in_and_comes_to_the_page_one_wanted(
    tmp_path_factory: pytest.TempPathFactory, open_page: Opener
) -> None:
    token = tmp_path_factory.mktemp("token") / "token"
    token.write_text("an access token for tests")
    token.chmod(0o600)
    with running_console("--prometheus", NOWHERE, "--token-file", str(token)) as url:
        page = open_page(f"{url}/runbooks/ServiceDown?lang=en", wait=False)
        page.get_by_label("Access token").fill("wrong")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_have_text("That is not the token.")
        page.get_by_label("Access token").fill(token.read_text())
        page.keyboard.press("Enter")
        page.wait_for_url(f"{url}/runbooks/ServiceDown?lang=en")
        open_page.watch.allowed += ["403", "502"]
