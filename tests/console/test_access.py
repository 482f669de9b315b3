"""Who may ask the console, and with what every answer is sent."""

import logging
import re

import httpx
import pytest
from aiohttp import web
from tests.console.running import console, served, settings

from photo_monitoring.console.access import middlewares

TOKEN = "correct horse battery"
PLACES = ("/", "/alerts", "/dashboards/photo-api-overview", "/runbooks/ServiceDown", "/api/boards/photo-api-overview")


async def test_a_loopback_console_asks_for_no_password() -> None:
    async with console() as client:
        assert [(await client.get(place)).status_code for place in PLACES] == [200] * len(PLACES)


async def status_as(client: httpx.AsyncClient, host: str, path: str = "/-/healthy") -> int:
    """The status of an answer to a browser that calls the console by this name."""
    return (await client.get(path, headers={"Host": host, "Origin": f"http://{host}"})).status_code


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "127.9.9.9", "localhost", "localhost:9999", "[::1]:8080"])
async def test_loopback_is_its_name(host: str) -> None:
    async with console() as client:
        assert await status_as(client, host, "/") == 200


@pytest.mark.parametrize("host", ["203.0.113.9", "10.0.0.5:8080", "[2001:db8::1]"])
async def test_an_address_that_others_reach_is_its_name_only_where_there_is_a_password(host: str) -> None:
    async with console() as open_to_all, console(token=TOKEN) as closed:
        assert await status_as(open_to_all, host) == 421
        assert await status_as(closed, host) == 200


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "a@127.0.0.1"])
async def test_a_name_that_somebody_pointed_here_is_refused(host: str, token: str | None) -> None:
    async with console(token=token) as client:
        answer = await client.get("/api/alerts", headers={"Host": host, "Origin": f"http://{host}"})
        assert answer.status_code == 421
        assert "--allowed-host" in answer.text


async def test_a_name_given_with_allowed_host_is_its_own() -> None:
    async with console(names=frozenset({"console.example.com"}), token=TOKEN) as client:
        assert await status_as(client, "console.example.com") == 200


@pytest.mark.parametrize("path", ["/", "/api/alerts", "/api/boards/photo-api-overview"])
async def test_a_page_of_another_origin_gets_nothing(path: str) -> None:
    async with console() as client:
        for origin in ("http://evil.example", "null", "http://127.0.0.1:1"):
            assert (await client.get(path, headers={"Origin": origin})).status_code == 403


async def test_another_site_may_link_here_but_not_fetch() -> None:
    async with console() as client:
        del client.headers["Origin"]
        linked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        fetched = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
        assert (await client.get("/runbooks/ServiceDown", headers=linked)).status_code == 200
        assert (await client.get("/api/boards/photo-api-overview", headers=fetched)).status_code == 403


async def test_nothing_is_changed_for_a_request_without_an_origin() -> None:
    async with console() as client:
        del client.headers["Origin"]
        assert (await client.post("/api/silences", json={})).status_code == 403
        assert (await client.request("DELETE", "/api/silences/x")).status_code == 403


async def test_every_answer_carries_the_headers_that_confine_it() -> None:
    async with console() as client:
        page = await client.get("/")
        asset = re.search(r"/static/[^\"]+app\.js", page.text)
        assert asset
        answers = [
            page,
            await client.get(asset.group()),
            await client.get("/api/alerts"),
            await client.get("/nowhere"),
            await client.get("/", headers={"Host": "evil.example"}),
            await client.post("/api/query", json={}),
        ]
    assert [one.status_code for one in answers] == [200, 200, 200, 404, 421, 400]
    for one in answers:
        policy = one.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert one.headers["X-Content-Type-Options"] == "nosniff"
        assert not [name for name in one.headers if name.lower().startswith("access-control-")]
        assert ("no-store" in one.headers["Cache-Control"]) == (one is not answers[1])


async def test_no_page_has_an_inline_script_or_style() -> None:
    async with console() as client:
        for path in (*PLACES[:-1], "/silences/new", "/runbooks", "/runbooks/None", "/login"):
            text = (await client.get(path, follow_redirects=True)).text
            assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", text), path


async def log_in(client: httpx.AsyncClient, token: str, target: str = "/") -> httpx.Response:
    return await client.post("/login", data={"token": token, "next": target})


async def test_with_a_token_nothing_is_seen_before_the_login() -> None:
    async with console(token=TOKEN) as client:
        for place in (*PLACES[:-1], "/runbooks", "/silences/new"):
            answer = await client.get(place)
            assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (303, "/login")
        for path in ("/api/alerts", "/api/overview", "/api/boards/photo-api-overview", "/api/silences"):
            assert (await client.get(path)).status_code == 401
        assert (await client.post("/api/query", json={"queries": []})).status_code == 401


async def test_the_right_token_opens_by_a_cookie_that_scripts_cannot_read() -> None:
    async with console(token=TOKEN) as client:
        answer = await log_in(client, TOKEN, "/alerts?lang=en")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/alerts?lang=en")
        cookie = answer.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert TOKEN not in cookie
        assert (await client.get("/alerts")).status_code == 200


async def test_the_cookie_is_for_encrypted_connections_only_where_the_login_was_one() -> None:
    async with console(token=TOKEN) as client:
        answer = await client.post("/login", data={"token": TOKEN}, headers={"X-Forwarded-Proto": "https"})
        assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("cookie", ["", "x", "9999999999.", "9999999999." + "0" * 64, ".", "9999999999.é"])
async def test_a_made_up_cookie_opens_nothing(cookie: str) -> None:
    async with console(token=TOKEN) as client:
        headers = [(b"Cookie", f"photo-console={cookie}".encode())]
        answer = await client.get("/api/boards/photo-api-overview", headers=headers)
        assert answer.status_code == 401


async def test_a_session_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("photo_monitoring.console.access.SESSION_SECONDS", -1)
    async with console(token=TOKEN) as client:
        value = (await log_in(client, TOKEN)).headers["Set-Cookie"].split(";")[0]
        assert (await client.get("/api/alerts", headers={"Cookie": value})).status_code == 401


async def test_a_wrong_token_is_refused_without_a_word_about_the_right_one() -> None:
    async with console(token=TOKEN) as client:
        answer = await log_in(client, "wrong")
        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers
        assert TOKEN not in answer.text


async def test_guessing_is_stopped_but_locks_nobody_out_who_has_the_token() -> None:
    async with console(token=TOKEN) as client:
        statuses = [(await log_in(client, f"guess {number}")).status_code for number in range(11)]
        assert statuses == [403] * 10 + [429]
        assert (await log_in(client, TOKEN)).status_code == 303


async def test_a_mistake_is_called_one_again_once_the_minute_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    async with console(token=TOKEN) as client:
        for number in range(10):
            await log_in(client, f"guess {number}")
        assert (await log_in(client, "wrong")).status_code == 429
        monkeypatch.setattr("photo_monitoring.console.access.FAILED_LOGIN_SECONDS", 0.0)
        assert (await log_in(client, "wrong")).status_code == 403


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "//[", ""]
)
async def test_the_login_leads_nowhere_else(target: str) -> None:
    async with console(token=TOKEN) as client:
        assert (await log_in(client, TOKEN, target)).headers["Location"] == "/"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        pytest.param("/login?next=//[", {}, 200, id="next"),
        pytest.param("/", {b"Origin": b"http://["}, 403, id="origin"),
        pytest.param("/", {b"Host": b"["}, 421, id="host"),
        pytest.param("/api/alerts", {b"Cookie": b'photo-console="9.\xff"'}, 401, id="cookie"),
    ],
)
async def test_nonsense_before_the_login_is_refused_with_the_headers(
    path: str, headers: dict[bytes, bytes], status: int
) -> None:
    async with console(token=TOKEN) as client:
        del client.headers["Origin"]
        answer = await client.get(path, headers=list(headers.items()))
    assert answer.status_code == status
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_a_fault_of_ours_is_one_line_with_the_headers_and_without_its_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(_: web.Request) -> web.Response:
        raise ValueError("hunter2")

    app = web.Application(middlewares=middlewares(settings(), None))
    app.router.add_get("/broken", broken)
    with caplog.at_level(logging.ERROR):
        async with served(app) as url, httpx.AsyncClient() as client:
            answer = await client.get(f"{url}/broken")
    assert answer.status_code == 500
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.text.count("\n") == 1
    (line,) = caplog.messages
    assert "ValueError at test_access.py" in line
    assert "hunter2" not in line + answer.text + caplog.text


async def test_a_login_with_more_fields_than_a_form_has_is_refused() -> None:
    async with console(token=TOKEN) as client:
        answer = await client.post("/login", data={f"field{number}": "x" for number in range(50)})
        assert answer.status_code == 400
        assert (await client.post("/login", json={})).status_code == 415
