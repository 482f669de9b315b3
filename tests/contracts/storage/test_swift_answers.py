"""Answers of Swift that no server here can be brought to give."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr
from tests.support.identity import served
from tests.support.samples import sample

from photo_api.config import ConfigurationError, Environment, Settings
from photo_api.errors import Conflict, Unavailable
from photo_api.external.errors import MalformedAnswer, ServiceAway
from photo_api.storage.base import StoredObject
from photo_api.storage.swift import SwiftStorage
from photo_metrics import Recorder

JPEG = "image/jpeg"
ETAG = "9a0364b9e99bb480dd25e1f0284c8555"
UPLOAD = StoredObject("0190a000-0000-7000-8000-000000000000", 7, ETAG)
FOUND = {"Etag": ETAG, "Content-Length": "7"}
LATER = "Tue, 01 Jan 2030 12:00:00 GMT"
NOW = {"Date": LATER}


@dataclass
class Answers:
    """Swift with tempauth: what was prepared, else the answers of one that holds nothing and takes everything."""

    prepared: list[tuple[str, web.Response]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    tokens: int = 0
    refused: set[str] = field(default_factory=set)
    storage_url: str = ""
    copying_seconds: float = 0.0

    def prepare(
        self, question: str, body: str = "", status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer so once to the next question that begins like ``"PUT /uploads"``."""
        self.prepared.append((question, web.Response(text=body, status=status, headers=headers)))

    async def token(self, request: web.Request) -> web.Response:
        self.tokens += 1
        url = self.storage_url or str(request.url.with_path("/v1/AUTH_photos"))
        return web.Response(headers={"X-Auth-Token": f"token-{self.tokens}", "X-Storage-Url": url})

    async def answer(self, request: web.Request) -> web.Response:
        await request.read()
        if "X-Copy-From" in request.headers and "X-Auth-Token" in request.headers:
            await asyncio.sleep(self.copying_seconds)
        question = f"{request.method} {request.match_info['path'] or '/'}"
        self.asked.append(question)
        if request.headers.get("X-Auth-Token") in self.refused or "temp_url_sig" in request.query:
            return web.Response(status=401)
        for number, (prepared, answer) in enumerate(self.prepared):
            if question.startswith(prepared):
                del self.prepared[number]
                return answer
        status = {"PUT": 201, "DELETE": 204, "POST": 204}.get(request.method, 404)
        return web.Response(status=status, headers={"Etag": ETAG})


@pytest.fixture
async def answers() -> Answers:
    return Answers()


@pytest.fixture
async def settings(answers: Answers, tmp_path: Path) -> AsyncIterator[Settings]:
    app = web.Application()
    app.router.add_get("/auth/v1.0", answers.token)
    app.router.add_route("*", "/v1/AUTH_photos/photos{path:.*}", answers.answer)
    async with served(app) as url:
        values: dict[str, Any] = {"swift_container": "photos", "swift_username": "photos:photo-api"}
        yield Settings(
            data_dir=tmp_path,
            storage="swift",
            swift_auth_url=f"{url}/auth/v1.0",
            swift_password=SecretStr("the-password"),
            swift_temp_url_key=SecretStr("the-key-of-temp-urls"),
            **values,
        )


@pytest.fixture
async def storage(settings: Settings, answers: Answers, recorder: Recorder) -> AsyncIterator[SwiftStorage]:
    storage = SwiftStorage(settings, recorder)
    await storage.open()
    answers.asked.clear()
    yield storage
    await storage.close()


async def chunks() -> AsyncIterator[bytes]:
    yield b"content"


async def test_an_upload_that_came_after_the_seal_is_removed(storage: SwiftStorage, answers: Answers) -> None:
    answers.prepare("HEAD /photos", status=404)
    answers.prepare("HEAD /photos", headers=FOUND)
    with pytest.raises(Conflict, match="confirmed already"):
        await storage.store(UPLOAD.key, JPEG, 100, chunks())
    assert answers.asked[-2:] == [f"HEAD /photos/{UPLOAD.key}", f"DELETE /uploads/{UPLOAD.key}"]


async def test_a_seal_whose_upload_cannot_be_removed_is_one(storage: SwiftStorage, answers: Answers) -> None:
    answers.prepare("HEAD /photos", status=404)
    answers.prepare("HEAD /photos", headers=FOUND)
    answers.prepare("DELETE /uploads", status=403)
    await storage.seal(UPLOAD, JPEG)
    assert answers.asked[-1] == f"DELETE /uploads/{UPLOAD.key}"


@pytest.mark.parametrize(("status", "body"), [(200, "content of more"), (206, "content"), (206, "")])
async def test_what_is_not_the_range_that_was_asked_for_is_unavailable_and_counted(
    storage: SwiftStorage, answers: Answers, recorder: Recorder, status: int, body: str
) -> None:
    answers.prepare("GET /photos", body, status)
    with pytest.raises(ServiceAway, match="size"):
        await storage.read(UPLOAD.key, 0, 15)
    assert sample(recorder, "photo_api_external_request_errors_total", service="object_storage") == 1


@pytest.mark.parametrize("headers", [{"Etag": ETAG}, {"Content-Length": "7"}, {"Etag": '""', "Content-Length": "7"}])
async def test_an_object_without_length_or_etag_is_a_malformed_answer(
    storage: SwiftStorage, answers: Answers, headers: dict[str, str]
) -> None:
    answers.prepare("HEAD /uploads", headers=headers)
    with pytest.raises(MalformedAnswer, match="cannot be read"):
        await storage.head_upload(UPLOAD.key)


ENTRY = '{"name": "uploads/a", "bytes": 7, "hash": "0", "last_modified": "%s"}'


@pytest.mark.parametrize(
    ("page", "date"),
    [
        ("no JSON", LATER),
        ('{"a": 1}', LATER),
        ("7", LATER),
        ("[{}]", LATER),
        ("[null]", LATER),
        (f"[{ENTRY % 'yesterday'}]", LATER),
        (f"[{ENTRY % '2029-12-31T00:00:00'}]", "yesterday"),
    ],
)
async def test_a_listing_that_is_none_is_a_malformed_answer_and_removes_nothing(
    storage: SwiftStorage, answers: Answers, page: str, date: str
) -> None:
    answers.prepare("GET /", page, headers={"Date": date})
    with pytest.raises(MalformedAnswer, match="cannot be read"):
        await storage.remove_abandoned(0)
    assert answers.asked == ["GET /"]


async def test_a_listing_that_does_not_go_on_is_a_malformed_answer(storage: SwiftStorage, answers: Answers) -> None:
    for _ in range(3):
        answers.prepare("GET /", f"[{ENTRY % '2029-12-31T00:00:00'}]", headers=NOW)
    with pytest.raises(MalformedAnswer, match="does not go on"):
        _ = [found async for found in storage.stored()]


async def test_the_age_of_an_upload_is_by_swifts_clock(storage: SwiftStorage, answers: Answers) -> None:
    old, new = ENTRY % "2030-01-01T10:59:59.000000", ENTRY % "2030-01-01T11:00:01.000000"
    answers.prepare("GET /", f"[{old}, {new.replace('uploads/a', 'uploads/b')}]", headers=NOW)
    answers.prepare("GET /", "[]", headers=NOW)
    assert await storage.remove_abandoned(3_600) == 1
    assert answers.asked == ["GET /", "DELETE /uploads/a", "GET /"]


async def test_a_token_that_a_stream_was_refused_with_is_not_used_again(
    storage: SwiftStorage, answers: Answers
) -> None:
    answers.prepare("PUT /uploads", status=401)
    with pytest.raises(Unavailable):
        await storage.store(UPLOAD.key, JPEG, 100, chunks())
    assert answers.tokens == 1
    assert (await storage.store(UPLOAD.key, JPEG, 100, chunks())).etag == ETAG
    assert answers.tokens == 2


async def test_storage_that_takes_no_token_is_not_asked_with_one_after_the_other(
    storage: SwiftStorage, answers: Answers
) -> None:
    answers.refused = {f"token-{number}" for number in range(100)}
    for _ in range(20):
        with pytest.raises(Unavailable):
            await storage.head_upload(UPLOAD.key)
    assert (answers.tokens, len(answers.asked)) == (2, 2)


async def test_a_copy_may_take_the_time_that_its_size_needs(
    settings: Settings, answers: Answers, recorder: Recorder
) -> None:
    storage = SwiftStorage(settings.model_copy(update={"storage_timeout_seconds": 1.0}), recorder)
    await storage.open()
    answers.copying_seconds = 1.5
    answers.prepare("HEAD /photos", status=404)
    answers.prepare("HEAD /photos", headers=FOUND)
    await storage.seal(StoredObject(UPLOAD.key, 400_000_000, ETAG), JPEG)
    await storage.close()


@pytest.fixture
async def production(settings: Settings, recorder: Recorder) -> AsyncIterator[SwiftStorage]:
    storage = SwiftStorage(settings.model_copy(update={"environment": Environment.PRODUCTION}), recorder)
    yield storage
    await storage.close()


async def test_production_takes_no_storage_url_with_plain_http_from_a_token(
    production: SwiftStorage, answers: Answers
) -> None:
    answers.storage_url = "http://objects.example.com/v1/AUTH_photos"
    with pytest.raises(ConfigurationError, match=r"^PHOTO_API_SWIFT_STORAGE_URL: must be set \(https://"):
        await production.open()
    with pytest.raises(Unavailable):
        await production.head_upload(UPLOAD.key)


async def test_production_takes_a_storage_url_of_this_machine_from_a_token(
    production: SwiftStorage, answers: Answers
) -> None:
    await production.open()
    assert answers.asked
