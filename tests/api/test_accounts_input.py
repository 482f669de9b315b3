"""Accounts: what bad input, logs, other origins and the description of the routes are told."""

import logging

import pytest
from structlog.testing import capture_logs
from tests.support.service import PASSWORD, Service, Start

from photo_api.bodies import MAX_BYTES

ACCOUNT = {"email": "mina@example.com", "username": "mina", "password": PASSWORD}
LOGIN = {"email": "mina@example.com"}
JSON = "application/json"


CREDENTIALS = b'{"email": "mina@example.com", "password": "x"}'
BAD_BODIES: list[tuple[bytes, str, int]] = [
    (b"", JSON, 422),
    (b"{", JSON, 400),
    (b"\xff\xfe", JSON, 400),
    (b"[" * 50_000, JSON, 400),
    (b"9" * 5_000, JSON, 400),
    (b"null", JSON, 422),
    (b"[]", JSON, 422),
    (b'"text"', JSON, 422),
    (b"{}", JSON, 422),
    (b'{"email": "mina@example.com", "password": 12345678}', JSON, 422),
    (b'{"email": ["mina@example.com"], "password": "x"}', JSON, 422),
    (b'{"email": "mina@example.com", "password": null}', JSON, 422),
    (b'{"email": "mina@example.com", "password": "\\ud800"}', JSON, 422),
    (b'{"email": "\\udfff@example.com", "password": "x"}', JSON, 422),
    (b'{"email": "\\u0000@example.com", "password": "x"}', JSON, 422),
    (b'{"email": "mina@example.com", "password": "x", "admin": true}', JSON, 422),
    (b'{"email": "mina@example.com", "password": "' + b"x" * 129 + b'"}', JSON, 422),
    (b'{"email": "mina@example.com", "password": "' + b"x" * 50_000 + b'"}', JSON, 422),
    (b'{"email": "mina@example.com", "password": "' + b"x" * MAX_BYTES + b'"}', JSON, 413),
    (b"email=mina@example.com&password=x", "application/x-www-form-urlencoded", 415),
    (CREDENTIALS, "text/plain", 415),
]


@pytest.mark.parametrize("path", ["/auth/login", "/auth/register"])
async def test_bad_input_is_the_right_4xx(service: Service, path: str) -> None:
    for content, content_type, status in BAD_BODIES:
        answer = await service.client.post(path, content=content, headers={"Content-Type": content_type})
        assert (content[:80], answer.status_code) == (content[:80], status)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["request_id"]
    assert await service.metric("photo_api_exceptions_total") == 0
    assert await service.metric("photo_api_users_total", status="total") == 0


async def test_a_refresh_token_of_the_wrong_shape_is_422(service: Service) -> None:
    for token in ('""', f'"{"x" * 257}"', "null", "5", r'"\ud800"'):
        content = f'{{"refresh_token": {token}}}'
        answer = await service.client.post("/auth/refresh", content=content, headers={"Content-Type": JSON})
        assert (token, answer.status_code) == (token, 422)


async def test_an_unknown_refresh_token_is_401(service: Service) -> None:
    for token in ("x", "\0", "비밀", "A" * 43):
        answer = await service.client.post("/auth/refresh", json={"refresh_token": token})
        assert (token, answer.status_code) == (token, 401)


async def test_no_password_or_token_is_in_an_error_or_a_log(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "hunter2"
    async with start(access_log="all") as service:
        user = await service.register()
        with capture_logs() as logs:
            answers = [
                await service.client.post("/auth/register", json=ACCOUNT | {"password": secret}),
                await service.client.post("/auth/register", json=ACCOUNT | {"password": [secret]}),
                await service.client.post("/auth/register", json={"password": secret, "email": secret}),
                await service.client.post("/auth/login", json=LOGIN | {"password": secret * 20}),
                await service.client.post("/auth/login", json=LOGIN | {"password": secret}),
                await service.client.post(
                    "/auth/login", content=f'{{"password": "{secret}"', headers={"Content-Type": JSON}
                ),
                await service.client.post("/auth/refresh", json={"refresh_token": user.refresh_token}),
                await service.client.post("/auth/refresh", json={"refresh_token": user.refresh_token}),
                await service.client.get("/auth/me", headers=user.headers),
            ]
    assert [answer.status_code for answer in answers] == [422, 422, 422, 422, 401, 400, 200, 401, 200]
    said = [answer.text for answer in answers if answer.status_code >= 400] + [str(logs), caplog.text]
    for word in (secret, PASSWORD, user.access_token, user.refresh_token):
        assert not [text for text in said if word in text]
    assert logs


async def test_no_origin_may_act_for_a_visitor_unless_it_is_named(start: Start) -> None:
    ask = {"Access-Control-Request-Method": "POST", "Origin": "https://evil.example"}
    async with start() as service:
        answer = await service.client.options("/auth/login", headers=ask)
        assert "access-control-allow-origin" not in answer.headers
    async with start(cors_origins="https://photos.example.com") as service:
        answer = await service.client.options("/auth/login", headers=ask)
        assert "access-control-allow-origin" not in answer.headers
        named = await service.client.options("/auth/login", headers=ask | {"Origin": "https://photos.example.com"})
        assert named.headers["access-control-allow-origin"] == "https://photos.example.com"
        assert "access-control-allow-credentials" not in named.headers


async def test_every_answer_of_these_routes_is_described(service: Service) -> None:
    paths = (await service.client.get("/openapi.json")).json()["paths"]
    described = {path: set(next(iter(item.values()))["responses"]) for path, item in paths.items() if "/auth/" in path}
    body = {"400", "413", "415", "422", "429", "500", "503"}
    assert described == {
        "/auth/register": {"201", "409"} | body,
        "/auth/login": {"200", "401"} | body,
        "/auth/refresh": {"200", "401"} | body,
        "/auth/logout": {"204", "401", "429", "500", "503"},
        "/auth/me": {"200", "401", "429", "500", "503"},
    }
