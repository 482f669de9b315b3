"""Bad bodies and parameters on every operation: the right 4xx, nothing stored, nothing counted as success."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from tests.support.rows import row_counts
from tests.support.service import PASSWORD, Service, Start, User

from photo_api.bodies import MAX_BYTES
from photo_api.ids import new_id
from photo_metrics.exposition import render_text

JSON = {"Content-Type": "application/json"}
SUCCESSES = re.compile(
    r"photo_api_(users|albums|photos|share_links)_total|photo_api_photo_upload_size_total_bytes"
    r'|photo_api_[a-z_]+_(total|count)\{.*result="success"'
)


def json_operations(service: Service) -> list[tuple[str, str]]:
    """Method and template of every operation that reads JSON."""
    found = [
        (method.upper(), path)
        for path, methods in service.app.openapi()["paths"].items()
        for method, operation in methods.items()
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    ]
    assert len(found) >= 10
    return found


def successes(service: Service) -> list[str]:
    """What was counted as a success so far."""
    return [line for line in render_text(service.components.recorder.registry).splitlines() if SUCCESSES.match(line)]


def objects(service: Service) -> list[str]:
    return sorted(str(path) for path in (service.settings.data_dir / "objects").rglob("*") if path.is_file())


@asynccontextmanager
async def nothing_happens(service: Service) -> AsyncIterator[None]:
    """Neither rows, nor files, nor successes change."""
    before = await row_counts(service.components.database), objects(service), successes(service)
    yield
    after = await row_counts(service.components.database), objects(service), successes(service)
    assert after == before


def assert_problem(answer: httpx.Response, *statuses: int) -> None:
    assert answer.status_code in statuses, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["request_id"] == answer.headers["X-Request-ID"]
    assert len(answer.content) < 10_000
    assert "Traceback" not in answer.text


@pytest.fixture
async def user(service: Service) -> User:
    return await service.register()


class Target:
    """Sends to every operation that reads JSON, on an album and a photo that exist."""

    def __init__(self, service: Service, user: User, album_id: str, photo_id: str) -> None:
        self.service, self.user = service, user
        self.ids = {"album_id": album_id, "photo_id": photo_id}

    async def each(self, content: bytes | Callable[[], AsyncIterator[bytes]], **headers: str) -> list[httpx.Response]:
        answers = []
        for method, path in json_operations(self.service):
            answer = await self.service.client.request(
                method,
                path.format(**self.ids),
                content=content if isinstance(content, bytes) else content(),
                headers=self.user.headers | headers,
            )
            answers.append(answer)
        return answers


@pytest.fixture
async def target(service: Service, user: User, jpeg: Callable[..., bytes]) -> Target:
    album_id = await service.album(user)
    return Target(service, user, album_id, await service.photo(user, jpeg(), album_id=album_id))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"{", id="cut off"),
        pytest.param(b"{'name': 'a'}", id="single quotes"),
        pytest.param(b'{"name": "a"} {}', id="two documents"),
        pytest.param(b'{"name": "\xff\xfe"}', id="not UTF-8"),
        pytest.param(b"[" * 500_000, id="nested without end"),
        pytest.param(b'{"a":' * 100_000, id="objects without end"),
        pytest.param(b'{"file_size": ' + b"9" * 5_000 + b"}", id="a number beyond the parser"),
        pytest.param(b"\x00", id="NUL"),
        pytest.param(b"\x1f\x8b\x08\x00\x00\x00\x00\x00", id="gzip"),
    ],
)
async def test_json_that_cannot_be_parsed_is_400(target: Target, content: bytes) -> None:
    async with nothing_happens(target.service):
        for answer in await target.each(content, **JSON):
            assert_problem(answer, 400)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="array"),
        pytest.param(b'"name"', id="string"),
        pytest.param(b"1e999", id="infinity"),
        pytest.param(b"NaN", id="NaN"),
        pytest.param(b'{"unknown": 1}', id="unknown field"),
        pytest.param(b'{"\\ud800": "\\udfff"}', id="lone surrogates"),
        pytest.param(b'{"' + b"k" * 500_000 + b'": 1}', id="a very long name"),
        pytest.param(json.dumps({f"field{i}": i for i in range(10_000)}).encode(), id="many unknown fields"),
    ],
)
async def test_json_that_is_not_the_operations_is_422(target: Target, content: bytes) -> None:
    async with nothing_happens(target.service):
        for answer in await target.each(content, **JSON):
            assert_problem(answer, 422)


WRONG: list[Any] = [True, 0, -1, 1.5, 10**30, "", "a" * 100_000, "a\x00b", "\ud800", [], ["a"], {}, {"a": {"b": 1}}]


async def test_every_field_with_every_wrong_value_is_422(target: Target) -> None:
    """`None` is left out: it is a value of fields that may be cleared. So is what a field's own schema takes."""
    description = target.service.app.openapi()
    refused = 0
    async with nothing_happens(target.service):
        for method, path in json_operations(target.service):
            body = description["paths"][path][method.lower()]["requestBody"]["content"]["application/json"]
            schema = description["components"]["schemas"][body["schema"]["$ref"].rpartition("/")[2]]
            for name, field in schema["properties"].items():
                for value in WRONG:
                    if is_taken(field, value):
                        continue
                    answer = await target.service.client.request(
                        method,
                        path.format(**target.ids),
                        content=json.dumps(valid_body(path, target.ids) | {name: value}),
                        headers=target.user.headers | JSON,
                    )
                    # Any text may be a password or a token: then it is a wrong one.
                    assert_problem(answer, *((401, 422) if path in {"/auth/login", "/auth/refresh"} else (422,)))
                    refused += 1
    assert refused > 200


def is_taken(field: dict[str, Any], value: Any) -> bool:
    """Free text may be empty or hold a few characters; a number may be any number within its bounds."""
    kinds = {choice.get("type") for choice in (field, *field.get("anyOf", []))}
    if isinstance(value, str):
        return value == "" and "minLength" not in str(field) and "pattern" in str(field) and "string" in kinds
    return False


def valid_body(path: str, ids: dict[str, str]) -> dict[str, Any]:
    """A body that the operation would take, but for whatever is stored."""
    bodies: dict[str, dict[str, Any]] = {
        "/auth/register": {"email": "new@example.com", "username": "newcomer", "password": PASSWORD},
        "/auth/login": {"email": "user1@example.com", "password": PASSWORD},
        "/auth/refresh": {"refresh_token": "a" * 43},
        "/albums/": {"name": "Holiday"},
        "/albums/{album_id}/photos": {"photo_ids": [new_id()]},
        "/photos/presigned-url": {
            "album_id": ids["album_id"],
            "filename": "a.jpg",
            "content_type": "image/jpeg",
            "file_size": 100,
        },
        "/photos/confirm": {"photo_id": new_id()},
    }
    return bodies.get(path, {})


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=a",
        "application/xml",
        "json",
    ],
)
async def test_a_body_that_is_not_called_json_is_415(target: Target, content_type: str) -> None:
    async with nothing_happens(target.service):
        for answer in await target.each(b'{"name": "a"}', **{"Content-Type": content_type}):
            assert_problem(answer, 415)


OTHER_JSON = ["application/json; charset=utf-8", "APPLICATION/JSON", "application/merge-patch+json"]


@pytest.mark.parametrize("content_type", OTHER_JSON)
async def test_json_by_its_other_names_is_read(target: Target, content_type: str) -> None:
    for answer in await target.each(b'{"unknown": 1}', **{"Content-Type": content_type}):
        assert_problem(answer, 422)


async def test_a_body_beyond_1_mib_is_413_however_it_is_sent(target: Target) -> None:
    async def without_end() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 65_536

    async with nothing_happens(target.service):
        for answer in await target.each(b" " * (MAX_BYTES + 1), **JSON):
            assert_problem(answer, 413)
        for answer in await target.each(without_end, **JSON):
            assert_problem(answer, 413)


async def test_a_body_of_exactly_1_mib_is_read(target: Target) -> None:
    for answer in await target.each(b'{"unknown": 1}'.ljust(MAX_BYTES), **JSON):
        assert_problem(answer, 422)


async def test_a_body_that_stops_arriving_is_400(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield b'{"name": '
        await asyncio.sleep(60)

    monkeypatch.setattr("photo_api.bodies.SECONDS", 0.2)
    async with nothing_happens(target.service):
        answer = await target.service.client.post("/albums/", content=stalled(), headers=target.user.headers | JSON)
        assert_problem(answer, 400)
    assert answer.headers["Connection"] == "close"  # or the rest would be waited for


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (path, query)
        for path in ("/albums/", "/photos/", "/albums/{album_id}/photos", "/albums/{album_id}/share")
        for query in (
            "limit=0",
            "limit=101",
            "limit=-1",
            "limit=1.0",
            "limit=1_0",
            "limit=%205",
            "limit=",
            "limit=" + "9" * 5_000,
            "limit=a",
            "limit=%D9%A3",
            "cursor=",
            "cursor=a",
            "cursor=%00",
            "cursor=" + "a" * 10_000,
            "cursor=00000000-0000-4000-8000-000000000000",
        )
    ],
)
async def test_a_bad_page_is_422(target: Target, path: str, query: str) -> None:
    url = f"{path.format(**target.ids)}?{query}"
    assert_problem(await target.service.client.get(url, headers=target.user.headers), 422)


NO_IDS = ["a", "%00", "%2e%2e", "0" * 36, "0198c6a1-7d5e-4b1c-9a44-3f2f0c1de001", "a" * 10_000]


@pytest.mark.parametrize("identifier", NO_IDS)
async def test_what_is_no_id_is_422_wherever_one_is_asked_for(target: Target, identifier: str) -> None:
    paths = target.service.app.openapi()["paths"]
    async with nothing_happens(target.service):
        for method, path in ((m.upper(), p) for p in paths for m in paths[p] if "_id}" in p):
            for name in re.findall(r"\{([a-z_]+_id)\}", path):
                others = {"album_id": new_id(), "photo_id": new_id(), "link_id": new_id(), "token": "a" * 43}
                url = path.format(**(others | {name: identifier}))
                answer = await target.service.client.request(
                    method, url, headers=target.user.headers, json=None if method in {"GET", "HEAD"} else {}
                )
                assert answer.status_code == 422, f"{method} {path}"


async def test_a_method_that_is_not_there_is_405_and_all_that_are_there_are_named(target: Target) -> None:
    for path, methods in target.service.app.openapi()["paths"].items():
        url = path.format(**target.ids, link_id=new_id(), token="a" * 43, key="a")
        answer = await target.service.client.request("TRACE", url)
        assert_problem(answer, 405)
        declared = {method.upper() for method in methods}
        if path in {"/photos/presigned-url", "/photos/confirm"}:  # with other methods they are paths of a photo
            declared |= {"GET", "PATCH", "DELETE"}
            assert set(answer.headers["Allow"].split(", ")) <= declared
        else:
            assert set(answer.headers["Allow"].split(", ")) == declared


@pytest.mark.parametrize("password", ["abc", "a" * 129, " padded", "padded ", "a\tb\ncd", "nul\x00nul", "    "])
async def test_a_share_password_that_no_header_can_carry_is_refused(target: Target, password: str) -> None:
    path = f"/albums/{target.ids['album_id']}/share"
    answer = await target.service.client.post(path, json={"password": password}, headers=target.user.headers)
    assert_problem(answer, 422)
    assert password not in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("password", ["비밀번호", "a b c d", "pässwörd", "emoji 🌊 sea"])
async def test_a_share_password_in_any_script_opens_the_link(target: Target, password: str) -> None:
    path = f"/albums/{target.ids['album_id']}/share"
    link = await target.service.client.post(path, json={"password": password}, headers=target.user.headers)
    answer = await target.service.client.get(link.json()["url"], headers={b"X-Share-Password": password.encode()})
    assert answer.status_code == 200


@pytest.mark.parametrize("days", ["7", True, 0, 3_651, 7.5, [7]])
async def test_days_that_are_no_number_within_bounds_are_refused(target: Target, days: object) -> None:
    path = f"/albums/{target.ids['album_id']}/share"
    answer = await target.service.client.post(path, json={"expires_in_days": days}, headers=target.user.headers)
    assert_problem(answer, 422)


async def test_no_error_repeats_a_secret_that_was_sent(service: Service, user: User) -> None:
    secret = "Tr0ub4dor&3-" + "x" * 120
    for path, body in (
        ("/auth/register", {"email": "a@example.com", "username": "newcomer", "password": secret}),
        ("/auth/register", {"email": secret, "username": secret, "password": [secret]}),
        ("/auth/login", {"email": user.email, "password": secret}),
        ("/auth/login", {"email": user.email, "password": {"a": secret}}),
        ("/auth/refresh", {"refresh_token": secret * 3}),
        ("/auth/refresh", {"refresh_token": secret}),
    ):
        answer = await service.client.post(path, json=body)
        assert_problem(answer, 401, 422)
        assert "Tr0ub4dor" not in answer.text


async def test_a_limit_of_the_setting_is_held_for_the_form_too(start: Start) -> None:
    async with start(max_photo_bytes=1_024) as service:
        user = await service.register()
        album_id = await service.album(user)
        async with nothing_happens(service):
            answer = await service.client.post(
                "/photos/",
                data={"album_id": album_id},
                files={"file": ("a.jpg", b"\xff\xd8\xff" + b"a" * 2_000, "image/jpeg")},
                headers=user.headers,
            )
            assert_problem(answer, 413)
