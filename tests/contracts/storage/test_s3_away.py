"""S3 that is away and comes back, and answers that no server here can be brought to give."""

import asyncio
import hashlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import SecretStr
from structlog.testing import capture_logs
from tests.support import swift
from tests.support.s3 import Bucket
from tests.support.samples import sample
from tests.support.swift import Swift

from photo_api.config import Settings
from photo_api.errors import Conflict, Unavailable
from photo_api.external.answers import MAX_BYTES
from photo_api.ids import new_id
from photo_api.storage.base import StoredObject
from photo_api.storage.s3 import S3Storage
from photo_metrics import Recorder

JPEG = "image/jpeg"
MIB = 1024 * 1024
ETAG = hashlib.md5(b"", usedforsecurity=False).hexdigest()


@pytest.fixture
def stopping_swift_bucket(stopping_swift: Swift) -> Bucket:
    bucket = Bucket("swift", stopping_swift, stopping_swift.url, swift.USER, stopping_swift.password, "s3-stopping")
    bucket.make()
    return bucket


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def served(storage: S3Storage, key: str, size: int) -> bytes:
    reader = await storage.read(key, 0, size)
    return b"".join([piece async for piece in reader])


async def eventually(call: Callable[[], Awaitable[object]]) -> None:
    """Ask until it is no longer `Unavailable`, as clients do."""
    async with asyncio.timeout(20):
        while True:
            try:
                await call()
                return
            except Unavailable:
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("bucket", ["stopping_swift_bucket", "seaweedfs_bucket"])
async def test_storage_that_went_away_is_unavailable_and_works_when_it_is_back(
    request: pytest.FixtureRequest, bucket: str, tmp_path: Path, recorder: Recorder
) -> None:
    there: Bucket = request.getfixturevalue(bucket)
    settings = there.settings(tmp_path, breaker_failures=3, breaker_open_seconds=0.1)
    storage, later = S3Storage(settings, recorder), S3Storage(settings, recorder)
    await storage.open()
    upload = await storage.store(new_id(), JPEG, 10, chunks(b"12345"))
    await storage.seal(upload, JPEG)
    there.server.stop(signal.SIGKILL)
    try:
        for call in (
            lambda: storage.read(upload.key, 0, 5),
            lambda: storage.head_upload(upload.key),
            lambda: storage.store(new_id(), JPEG, 10, chunks(b"x")),
            lambda: storage.seal(upload, JPEG),
            lambda: storage.delete(upload.key),
            lambda: storage.remove_abandoned(60),
            storage.ping,
        ):
            with pytest.raises(Unavailable) as caught:
                await call()
            assert "Retry-After" in caught.value.headers
        assert storage.presign_upload(new_id(), JPEG, 5, 60).url
        with capture_logs() as logs:
            await later.open()
        assert [entry["event"] for entry in logs if entry["log_level"] == "warning"][
            -1
        ] == "object_storage_away_at_start"
    finally:
        there.server.start()
    for one in (storage, later):
        await eventually(one.ping)
        assert await served(one, upload.key, 5) == b"12345"
        await one.close()


@dataclass
class Answers:
    """A server that gives prepared answers: the first whose method and query begin so, else an empty 200."""

    prepared: list[tuple[str, web.Response]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)

    def prepare(self, question: str, body: str = "", status: int = 200, times: int = 1, **headers: str) -> None:
        """Answer so to the next ``times`` questions like ``"PUT /uploads ?partNumber"``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for _ in range(times):
            self.prepared.append((question, web.Response(text=body, status=status, headers=named)))

    async def answer(self, request: web.Request) -> web.Response:
        await request.read()
        place = request.match_info["path"].strip("/").partition("/")[0]
        question = f"{request.method} /{place} ?{request.rel_url.raw_query_string}"
        self.asked.append(question)
        self.headers.append(request.headers)
        for number, (prepared, answer) in enumerate(self.prepared):
            if question.startswith(prepared):
                del self.prepared[number]
                return answer
        return web.Response(status=204 if request.method == "DELETE" else 200, headers={"ETag": f'"{ETAG}"'})


@pytest.fixture
async def answers() -> Answers:
    return Answers()


@pytest.fixture
async def storage(answers: Answers, tmp_path: Path, recorder: Recorder) -> AsyncIterator[S3Storage]:
    """S3 as it was told to be."""
    app = web.Application(client_max_size=16 * MIB)
    app.router.add_route("*", "/photos-bucket{path:.*}", answers.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    settings = Settings(
        data_dir=tmp_path,
        s3_endpoint_url=f"http://{host}:{port}",
        s3_bucket="photos-bucket",
        s3_access_key_id="photo-api",
        s3_secret_access_key=SecretStr("the-secret-access-key"),
    )
    answers.prepare("GET /", "<ListBucketResult/>")
    storage = S3Storage(settings, recorder)
    await storage.open()
    yield storage
    await storage.close()
    await runner.cleanup()


UPLOAD = StoredObject("0190a000-0000-7000-8000-000000000000", 5, ETAG)
FAILED = "<?xml version='1.0'?>\n<Error><Code>InternalError</Code><Message>We failed.</Message></Error>"


def copied(etag: str) -> str:
    return f"<CopyObjectResult><ETag>&quot;{etag}&quot;</ETag></CopyObjectResult>"


@pytest.fixture
def errors(recorder: Recorder) -> Callable[[], float | None]:
    return lambda: sample(recorder, "photo_api_external_request_errors_total", service="object_storage")


async def test_a_copy_that_failed_with_status_200_is_no_seal_and_a_failure(
    storage: S3Storage, answers: Answers, errors: Callable[[], float | None]
) -> None:
    answers.prepare("HEAD /photos", status=404)
    answers.prepare("PUT /photos", "  " + FAILED)
    with pytest.raises(Unavailable, match="InternalError"):
        await storage.seal(UPLOAD, JPEG)
    assert errors() == 1
    assert not [question for question in answers.asked if question.startswith("DELETE")]


async def test_a_copy_at_the_same_moment_as_another_is_to_be_tried_again(storage: S3Storage, answers: Answers) -> None:
    answers.prepare("HEAD /photos", status=404)
    answers.prepare("PUT /photos", "<Error><Code>ConditionalRequestConflict</Code></Error>", 409)
    with pytest.raises(Unavailable):
        await storage.seal(UPLOAD, JPEG)


async def test_a_copy_of_other_bytes_is_removed_and_no_seal(storage: S3Storage, answers: Answers) -> None:
    other = "0" * 32
    answers.prepare("HEAD /photos", status=404)
    answers.prepare("PUT /photos", copied(other))
    answers.prepare("HEAD /photos", status=404, times=2)
    answers.prepare("HEAD /uploads", ETag=f'"{other}"')
    with pytest.raises(Conflict):
        await storage.seal(UPLOAD, JPEG)
    removed = answers.asked.index("DELETE /photos ?")
    assert answers.headers[removed]["If-Match"] == f'"{other}"'


async def test_a_copy_under_a_key_of_kms_has_another_etag_and_is_a_seal(storage: S3Storage, answers: Answers) -> None:
    answers.prepare("HEAD /photos", status=404)
    answers.prepare("PUT /photos", copied("0" * 32), x_amz_server_side_encryption="aws:kms")
    answers.prepare("PUT /photos", FAILED, 412)
    await storage.seal(UPLOAD, JPEG)
    copy = answers.headers[answers.asked.index("PUT /photos ?")]
    assert (copy["x-amz-copy-source-if-match"], copy["if-none-match"]) == (f'"{ETAG}"', "*")
    assert answers.asked[-1] == "DELETE /uploads ?"


def copies(answers: Answers) -> list[str]:
    """The conditions of the copies that were asked for."""
    return [
        headers.get("If-None-Match", "none")
        for question, headers in zip(answers.asked, answers.headers, strict=True)
        if question.startswith("PUT /photos")
    ]


async def test_the_first_copy_is_asked_for_again_and_a_storage_that_refuses_that_is_asked_once_from_then_on(
    storage: S3Storage, answers: Answers
) -> None:
    answers.prepare("HEAD /photos", status=404)
    answers.prepare("PUT /photos", copied(ETAG))
    answers.prepare("PUT /photos", FAILED, 412)
    await storage.seal(UPLOAD, JPEG)
    answers.prepare("PUT /photos", copied(ETAG))
    await storage.seal(UPLOAD, JPEG)
    assert copies(answers) == ["*"] * 3


async def test_a_storage_that_takes_no_notice_of_conditions_is_looked_at_before_each_copy(
    storage: S3Storage, answers: Answers
) -> None:
    answers.prepare("HEAD /photos", status=404)
    answers.prepare("PUT /photos", copied(ETAG), times=2)
    await storage.seal(UPLOAD, JPEG)
    answers.prepare("HEAD /photos", ETag='"' + "0" * 32 + '"')
    with pytest.raises(Conflict):
        await storage.seal(UPLOAD, JPEG)
    assert copies(answers) == ["*", "*"]


async def test_an_upload_that_was_replaced_and_put_back_does_not_end_conditional_copies(
    storage: S3Storage, answers: Answers
) -> None:
    for _ in range(2):
        answers.prepare("HEAD /photos", status=404, times=2)
        answers.prepare("PUT /photos", FAILED, 412)
        answers.prepare("PUT /photos", copied(ETAG))
        await storage.seal(UPLOAD, JPEG)
        answers.prepared.clear()
    assert copies(answers) == ["*"] * 4


async def test_a_sealed_object_with_other_bytes_than_its_upload_is_none(storage: S3Storage, answers: Answers) -> None:
    answers.prepare("HEAD /photos", ETag='"' + "0" * 32 + '"', times=2, x_amz_meta_upload_etag=ETAG)
    answers.prepare("HEAD /uploads", status=404)
    assert await storage.head_upload(UPLOAD.key) is None


async def test_an_upload_in_parts_that_fails_at_its_end_with_status_200_is_aborted(
    storage: S3Storage, answers: Answers, errors: Callable[[], float | None]
) -> None:
    answers.prepare(
        "POST /uploads ?uploads=",
        "<InitiateMultipartUploadResult><UploadId>a b</UploadId></InitiateMultipartUploadResult>",
    )
    answers.prepare("POST /uploads ?uploadId=", FAILED)
    with pytest.raises(Unavailable):
        await storage.store(UPLOAD.key, JPEG, 6 * MIB, chunks(bytes(6 * MIB)))
    assert answers.asked[-1] == "DELETE /uploads ?uploadId=a%20b"
    assert errors() == 1


async def test_a_part_that_was_refused_for_the_moment_is_sent_again(storage: S3Storage, answers: Answers) -> None:
    answers.prepare(
        "POST /uploads ?uploads=",
        "<InitiateMultipartUploadResult><UploadId>a</UploadId></InitiateMultipartUploadResult>",
    )
    answers.prepare("PUT /uploads ?partNumber=1", FAILED, 500)
    answers.prepare(
        "POST /uploads ?uploadId=",
        f"<CompleteMultipartUploadResult><ETag>{ETAG}-2</ETag></CompleteMultipartUploadResult>",
    )
    answers.prepare("HEAD /photos", status=404)
    upload = await storage.store(UPLOAD.key, JPEG, 6 * MIB, chunks(bytes(6 * MIB)))
    assert upload == StoredObject(UPLOAD.key, 6 * MIB, f"{ETAG}-2")
    assert len([question for question in answers.asked if question.startswith("PUT")]) == 3


@pytest.mark.parametrize(
    "page",
    [
        "<html>Welcome to the Wi-Fi</html>",
        "no XML",
        "<!DOCTYPE x [<!ENTITY a 'b'>]><ListBucketResult/>",
        "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        "<ListBucketResult>" + " " * MAX_BYTES + "</ListBucketResult>",
    ],
)
async def test_a_listing_that_is_none_is_unavailable_and_removes_nothing(
    storage: S3Storage, answers: Answers, page: str
) -> None:
    answers.prepare("GET /", page, times=2)
    with pytest.raises(Unavailable, match="cannot be read"):
        await storage.remove_abandoned(0)
    with pytest.raises(Unavailable, match="cannot be read"):
        _ = [found async for found in storage.stored()]


async def test_a_listing_whose_pages_never_end_is_unavailable(storage: S3Storage, answers: Answers) -> None:
    page = "<IsTruncated>true</IsTruncated><NextContinuationToken>a</NextContinuationToken>"
    answers.prepare("GET /", f"<ListBucketResult>{page}</ListBucketResult>", times=10)
    with pytest.raises(Unavailable, match="does not go on"):
        _ = [found async for found in storage.stored()]
    assert len(answers.asked) < 5


async def test_neither_keys_nor_signatures_are_logged(storage: S3Storage, answers: Answers) -> None:
    answers.prepare(
        "GET /", "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>AWS4-HMAC</StringToSign></Error>", 403
    )
    answers.prepare("PUT /uploads", "<Error><Code>x&lt;script&gt;\n</Code></Error>", 400)
    with capture_logs() as logs:
        with pytest.raises(Unavailable) as listing:
            await storage.remove_abandoned(0)
        with pytest.raises(Unavailable) as storing:
            await storage.store(UPLOAD.key, JPEG, 10, chunks(b"x"))
    said = f"{logs} {listing.value!r} {storing.value!r} {vars(listing.value)}"
    for secret in ("the-secret", "AWS4", "Signature=", "script", "127.0.0.1"):
        assert secret not in said


async def test_an_upload_that_a_seal_overtook_is_not_left_behind(storage: S3Storage, answers: Answers) -> None:
    answers.prepare("HEAD /photos", ETag=f'"{ETAG}"')
    with pytest.raises(Conflict):
        await storage.store(UPLOAD.key, JPEG, 10, chunks(b""))
    removed = answers.asked.index("DELETE /uploads ?")
    assert answers.headers[removed]["If-Match"] == f'"{ETAG}"'


async def test_an_upload_that_is_sealed_between_the_looks_at_both_places_is_found(
    storage: S3Storage, answers: Answers
) -> None:
    answers.prepare("HEAD /photos", status=404)
    answers.prepare("HEAD /uploads", status=404)
    answers.prepare("HEAD /photos", ETag=f'"{ETAG}"')
    found = await storage.head_upload(UPLOAD.key)
    assert found is not None
    assert found.etag == ETAG


async def test_an_upload_that_cannot_be_removed_is_sealed_all_the_same(storage: S3Storage, answers: Answers) -> None:
    answers.prepare("HEAD /photos", status=404)
    answers.prepare("PUT /photos", copied(ETAG))
    answers.prepare("PUT /photos", FAILED, 412)
    answers.prepare("DELETE /uploads", FAILED, 500, times=3)
    await storage.seal(UPLOAD, JPEG)
    assert answers.asked[-1] == "DELETE /uploads ?"


async def test_a_download_for_verification_that_failed_for_the_moment_is_begun_again(
    storage: S3Storage, answers: Answers
) -> None:
    answers.prepare("GET /uploads", FAILED, 500)
    answers.prepare("GET /uploads", "12345")
    async with storage.upload_as_file(UPLOAD) as copy:
        assert copy.size == 5
