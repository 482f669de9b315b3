"""Who may ask the console, and with what every answer is sent."""

import re

import httpx
import pytest
from tests.console.running import console

TOKEN = "correct horse battery"
PLACES = ("/", "/alerts", "/dashboards/photo-api-overview", "/runbooks/ServiceDown", "/api/boards/photo-api-overview")


async def test_a_loopback_console_asks_for_no_password() -> None:
    async with console() as client:
        assert [(await client.get(place)).status_code for place in PLACES] == [200] * len(PLACES)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "localhost:9999", "[::1]:8080", "10.0.0.5:8080"])
async def test_addresses_and_localhost_are_its_names(host: str) -> None:
    async with console() as client:
        assert (await client.get("/", headers={"Host": host, "Origin": f"http://{host}"})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "a@127.0.0.1"])
async def test_a_name_that_somebody_pointed_here_is_refused(host: str) -> None:
    async with console() as client:
        answer = await client.get("/api/alerts", headers={"Host": host, "Origin": f"http://{host}"})
        assert answer.status_code == 421
        assert "--allowed-host" in answer.text


async def test_a_name_given_with_allowed_host_is_its_own() -> None:
    async with console(names=frozenset({"console.example.com"})) as client:
        headers = {"Host": "console.example.com", "Origin": "https://console.example.com"}
        assert (await client.get("/", headers=headers)).status_code == 200


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


async def test_guessing_is_stopped_for_a_minute_even_for_a_right_guess() -> None:
    async with console(token=TOKEN) as client:
        statuses = [(await log_in(client, f"guess {number}")).status_code for number in range(11)]
        assert statuses == [403] * 10 + [429]
        assert (await log_in(client, TOKEN)).status_code == 429


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", ""]
)
async def test_the_login_leads_nowhere_else(target: str) -> None:
    async with console(token=TOKEN) as client:
        assert (await log_in(client, TOKEN, target)).headers["Location"] == "/"
