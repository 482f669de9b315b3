"""The local CDN edge: what it passes on from its origin, what it keeps, and that it runs as a process of its own."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import aiohttp
import httpx
import pytest
from aiohttp import web
from tests.support.cdn import APP_KEY, ENCRYPT_KEY, SECRET_KEY, Cdn, running_cdn, serving
from tests.support.ports import accepts, free_port, wait_until
from tests.support.swift import Swift
from yarl import URL

from photo_stack.providers.cdn_edge import Edge, KeptBodies, Origin, main
from photo_stack.providers.edge_tokens import make_token

SMALL = hashlib.sha256(b"small").digest() * 300
LARGE = hashlib.sha256(b"large").digest() * (KeptBodies.LARGEST_BYTES // 32 + 1)
SECRETS = {"CDN_APP_KEY": APP_KEY, "CDN_SECRET_KEY": SECRET_KEY, "CDN_ENCRYPT_KEY": ENCRYPT_KEY}


@pytest.fixture
async def cdn(tmp_path: Path) -> AsyncIterator[Cdn]:
    """A CDN before two files."""
    for name, content in (("small", SMALL), ("large", LARGE)):
        (tmp_path / name).write_bytes(content)

    def find(key: str) -> Path | None:
        return tmp_path / key if (tmp_path / key).exists() else None

    async with running_cdn(find) as running:
        yield running


def link(url: str, path: str, seconds: int = 60) -> str:
    return f"{url}{path}?token={make_token(bytes.fromhex(ENCRYPT_KEY), int(time.time()) + seconds, path=path)}"


@pytest.mark.parametrize(("name", "content"), [("small", SMALL), ("large", LARGE)])
async def test_ranges_heads_and_conditions_are_the_origins(cdn: Cdn, name: str, content: bytes) -> None:
    url = link(cdn.edge_url, f"/photos/{name}")
    status, body, headers = await cdn.get(url)
    assert (status, body == content) == (200, True)
    assert headers["cache-control"].startswith("private, max-age=")
    assert headers["x-content-type-options"] == "nosniff"
    status, body, ranged = await cdn.get(url, Range="bytes=5-9", If_Range=headers["etag"])
    assert (status, body, ranged["content-range"]) == (206, content[5:10], f"bytes 5-9/{len(content)}")
    assert (await cdn.get(url, Range=f"bytes={len(content)}-"))[0] == 416
    assert (await cdn.get(url, If_None_Match=headers["etag"]))[:2] == (304, b"")
    status, body, head = await cdn.get(url, "HEAD")
    assert (status, body, head["content-length"]) == (200, b"", str(len(content)))


async def test_small_pictures_are_kept_and_large_ones_are_not(cdn: Cdn) -> None:
    for _ in range(2):
        for name in ("small", "large"):
            assert (await cdn.get(link(cdn.edge_url, f"/photos/{name}")))[0] == 200
    assert sorted(cdn.origin_requests) == ["GET /photos/large", "GET /photos/large", "GET /photos/small"]


def test_what_is_kept_is_bounded() -> None:
    kept = KeptBodies()
    body = bytes(KeptBodies.LARGEST_BYTES)
    number = KeptBodies.MOST_BYTES // len(body)
    for index in range(number + 1):
        kept.put(f"/{index}", {}, body)
    assert kept.get("/0") is None
    assert kept.get("/1") is not None
    kept.put("/1", {}, b"")
    kept.put("/new", {}, body)
    assert kept.get("/2") is not None


async def test_kept_bytes_are_not_shown_without_a_token(cdn: Cdn) -> None:
    assert (await cdn.get(link(cdn.edge_url, "/photos/small")))[0] == 200
    assert (await cdn.get(f"{cdn.edge_url}/photos/small"))[0] == 403
    assert (await cdn.get(link(cdn.edge_url, "/photos/small", seconds=-1)))[0] == 403


@pytest.mark.parametrize(
    ("path", "status"),
    [("/photos/none", 404), ("/uploads/small", 404), ("/photos/", 404), ("/photos/a/b", 404), ("/", 404)],
)
async def test_what_is_no_sealed_photo_is_not_found(cdn: Cdn, path: str, status: int) -> None:
    assert (await cdn.get(link(cdn.edge_url, path)))[0] == status


@pytest.mark.parametrize("path", ["/photos/..%2fuploads%2fsmall", "/photos/%2e%2e/uploads/small"])
async def test_no_path_leads_out_of_the_sealed_photos(cdn: Cdn, path: str) -> None:
    async with cdn.session.get(URL(link(cdn.edge_url, path), encoded=True), allow_redirects=False) as answer:
        assert answer.status in {403, 404}
    assert cdn.origin_requests == []


@pytest.mark.parametrize("status", [401, 403, 500, 301])
async def test_an_origin_that_refuses_or_fails_is_502(status: int) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_get("/{rest:.*}", refuse)
    async with (
        serving(app) as origin,
        serving(Edge(ENCRYPT_KEY, Origin(origin)).application()) as url,
        aiohttp.ClientSession() as session,
        session.get(link(url, "/photos/small")) as answer,
    ):
        assert answer.status == 502


async def test_a_private_container_is_read_with_temp_urls(swift_server: Swift) -> None:
    container = f"{swift_server.storage_url}/edge-{uuid4().hex}"
    async with aiohttp.ClientSession(headers={"X-Auth-Token": swift_server.token()}) as owner:
        for path, headers in (
            ("", {"X-Container-Meta-Temp-URL-Key": "the-key"}),
            ("/photos/a", {"Content-Type": "image/png"}),
        ):
            async with owner.put(container + path, data=SMALL if path else b"", headers=headers) as answer:
                assert answer.status in {201, 202}
    async with (
        serving(Edge(ENCRYPT_KEY, Origin(container, "the-key")).application()) as url,
        aiohttp.ClientSession() as session,
    ):
        for _ in range(2):
            async with session.get(link(url, "/photos/a")) as answer:
                assert (answer.status, await answer.read(), answer.content_type) == (200, SMALL, "image/png")
        async with session.get(
            link(url, "/photos/a"), headers={"Range": "bytes=5-9", "If-Range": answer.headers["ETag"]}
        ) as part:
            assert (part.status, await part.read(), part.headers["ETag"]) == (206, SMALL[5:10], answer.headers["ETag"])
        async with session.head(link(url, "/photos/a")) as head:
            assert (head.status, head.headers["Content-Length"]) == (200, str(len(SMALL)))
        async with session.get(link(url, "/photos/b")) as missing:
            assert missing.status == 404


async def test_an_origin_that_is_not_there_is_502() -> None:
    async with (
        serving(Edge(ENCRYPT_KEY, Origin("http://127.0.0.1:1")).application()) as url,
        aiohttp.ClientSession() as session,
        session.get(link(url, "/photos/small")) as answer,
    ):
        assert answer.status == 502


async def test_a_body_that_breaks_off_at_the_origin_breaks_off_at_the_edge() -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000000000"})
        await response.prepare(request)
        await response.write(b"begun")
        assert request.transport is not None
        request.transport.close()
        return response

    app = web.Application()
    app.router.add_get("/{rest:.*}", break_off)
    async with (
        serving(app) as origin,
        serving(Edge(ENCRYPT_KEY, Origin(origin)).application()) as url,
        aiohttp.ClientSession() as session,
    ):
        with pytest.raises(aiohttp.ClientError):
            async with session.get(link(url, "/photos/small")) as answer:
                await answer.read()


def test_it_runs_as_a_process_with_its_secrets_in_the_environment() -> None:
    port, api_port = free_port(), free_port()
    arguments = ["--host", "127.0.0.1", "--port", str(port), "--api-port", str(api_port), "--origin"]
    running = subprocess.Popen(
        [sys.executable, "-m", "photo_stack.providers.cdn_edge", *arguments, "http://127.0.0.1:1"],
        env=os.environ | SECRETS,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: accepts(port) and accepts(api_port), "the edge's start")
        asked = httpx.post(
            f"http://127.0.0.1:{api_port}/v2.0/appKeys/{APP_KEY}/auth-token",
            headers={"Authorization": SECRET_KEY},
            json={"encryptKey": ENCRYPT_KEY, "durationSeconds": 60, "singlePath": "/photos/small"},
        )
        token = asked.json()["authToken"]["singlePathToken"]
        answer = httpx.get(f"http://127.0.0.1:{port}/photos/small?token={token}")
        assert (answer.status_code, answer.text) == (502, "the origin did not answer\n")
    finally:
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=20)
    assert running.returncode == 0
    assert token not in said


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"CDN_APP_KEY": "a"}, "in the environment, set CDN_SECRET_KEY, CDN_ENCRYPT_KEY"),
        ({**SECRETS, "CDN_ENCRYPT_KEY": "no-hex"}, "CDN_ENCRYPT_KEY: must be hexadecimal"),
    ],
)
def test_missing_or_wrong_secrets_are_said_in_one_line(
    environment: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in SECRETS:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main(["--host", "127.0.0.1", "--port", "1", "--api-port", "2", "--origin", "http://127.0.0.1:3"])
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.splitlines()[-1].endswith(says)
    assert "no-hex" not in said


def test_a_port_that_is_taken_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with pytest.raises(SystemExit, match=f"cdn_edge: .*{port}.*in use"):
            main(["--host", "127.0.0.1", "--port", port, "--api-port", port, "--origin", "http://127.0.0.1:3"])
