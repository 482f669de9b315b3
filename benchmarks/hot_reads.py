"""The hot reads on PostgreSQL, authentication included, against bare FastAPI and asyncpg: same query, same bytes."""

import asyncio
import json
import os
import secrets
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NoReturn

import asyncpg
import orjson
from benchmarks.measure import Result, Target, asgi, in_turns, photo_api
from fastapi import FastAPI, Response
from tests.support.postgresql import running_postgresql

from photo_api.database import Value
from photo_api.ids import new_id, now_ms, rfc3339
from photo_api.photos import repository as photos
from photo_api.share_links import repository as share_links

_DATABASE = "BENCH_DATABASE_URL"
_IDS = "BENCH_IDS"


class _Captured(Exception):
    def __init__(self, sql: str, values: tuple[Value, ...]) -> None:
        self.sql, self.values = sql, values


class _Capture:
    """An executor that tells which statement a repository would run."""

    dialect: Final = "postgresql"

    async def fetch_one(self, sql: str, *values: Value) -> NoReturn:
        raise _Captured(sql, values)

    async def fetch_all(self, sql: str, *values: Value) -> NoReturn:
        raise _Captured(sql, values)

    async def execute(self, sql: str, *values: Value) -> NoReturn:
        raise _Captured(sql, values)


async def _statement(call: Awaitable[object]) -> tuple[str, tuple[Value, ...]]:
    try:
        await call
    except _Captured as captured:
        return captured.sql, captured.values
    raise AssertionError("the repository ran no statement")


@dataclass(frozen=True)
class Ids:
    """What was put into the database."""

    user: str
    photo: str
    token: str


def bare() -> FastAPI:
    """The three reads as one would write them by hand for speed: a pool, the query, a dict, orjson."""
    ids = Ids(**json.loads(os.environ[_IDS]))
    capture = _Capture()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.pool = await asyncpg.create_pool(os.environ[_DATABASE], min_size=10, max_size=10)
        app.state.one = await _statement(photos.find_ready(capture, ids.user, ids.photo))
        app.state.page = await _statement(photos.page_of(capture, ids.user, None, 51))
        app.state.share = await _statement(share_links.view(capture, sha256(ids.token.encode()).hexdigest(), None, 51))
        yield
        await app.state.pool.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None)

    @app.get("/photos/{photo_id}")
    async def one(photo_id: str) -> Response:
        sql, values = app.state.one
        row = await app.state.pool.fetchrow(sql, photo_id, *values[1:])
        return Response(orjson.dumps(photos.photo_dict(row)), media_type="application/json")

    @app.get("/photos/")
    async def page() -> Response:
        sql, values = app.state.page
        rows = await app.state.pool.fetch(sql, *values)
        items = [photos.photo_dict(row) for row in rows[:50]]
        return Response(orjson.dumps({"items": items, "next_cursor": items[-1]["id"]}), media_type="application/json")

    @app.get("/share/{token}")
    async def share(token: str) -> Response:
        sql, values = app.state.share
        rows = await app.state.pool.fetch(sql, sha256(token.encode()).hexdigest(), *values[1:])
        keys = ("id", "content_type", "file_size", "width", "height", "title", "description")
        items = [{key: row[key] for key in keys} for row in rows[:50]]
        link = rows[0]
        return Response(
            orjson.dumps(
                {
                    "album": {"name": link["album_name"], "description": link["album_description"]},
                    "expires_at": None if link["expires_ms"] is None else rfc3339(link["expires_ms"]),
                    "items": items,
                    "next_cursor": items[-1]["id"],
                }
            ),
            media_type="application/json",
        )

    return app


def _post(url: str, body: dict[str, str]) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - our own URL
        url, orjson.dumps(body), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return dict(orjson.loads(answer.read()))


async def _fill(database: str, user: str) -> Ids:
    """One user with 200 photos in an album with a link; the statistics are fresh."""
    connection = await asyncpg.connect(database)
    album, token, now = new_id(), secrets.token_urlsafe(32), now_ms()
    await connection.execute(
        "INSERT INTO albums (id, owner_id, name, created_ms, updated_ms) VALUES ($1, $2, 'Jeju', $3, $3)",
        album,
        user,
        now,
    )
    ids = [new_id() for _ in range(200)]
    await connection.executemany(
        "INSERT INTO photos (id, owner_id, status, object_key, filename, content_type, file_size, checksum_sha256,"
        " etag, width, height, title, created_ms, confirmed_ms)"
        " VALUES ($1, $2, 'ready', $1, 'IMG_0001.jpg', 'image/jpeg', 2400000, $3, $3, 4032, 3024, 'Beach', $4, $4)",
        [(photo, user, sha256(photo.encode()).hexdigest(), now) for photo in ids],
    )
    await connection.executemany(
        "INSERT INTO album_photos (album_id, photo_id, added_ms) VALUES ($1, $2, $3)",
        [(album, photo, now) for photo in ids],
    )
    await connection.execute(
        "INSERT INTO share_links (id, album_id, owner_id, token_hash, created_ms) VALUES ($1, $2, $3, $4, $5)",
        new_id(),
        album,
        user,
        sha256(token.encode()).hexdigest(),
        now,
    )
    await connection.execute("ANALYZE")
    await connection.close()
    return Ids(user, ids[100], token)


@contextmanager
def servers() -> Iterator[tuple[tuple[str, int], tuple[str, int], Ids, dict[str, str]]]:
    """Both servers on one PostgreSQL: bare, ours, what is stored, and a user's header."""
    with running_postgresql() as database, photo_api({"PHOTO_API_DATABASE_URL": database}) as ours:
        account = {"email": "bench@example.com", "username": "bench", "password": secrets.token_urlsafe(16)}
        user = _post(f"{ours[0]}/auth/register", account)["id"]
        access = _post(f"{ours[0]}/auth/login", {k: account[k] for k in ("email", "password")})["access_token"]
        ids = asyncio.run(_fill(database, user))
        environment = {_DATABASE: database, _IDS: orjson.dumps(ids.__dict__).decode()}
        with asgi("benchmarks.hot_reads:bare", environment) as plain:
            yield plain, ours, ids, {"Authorization": f"Bearer {access}"}


def _same_bytes(path: str, plain: str, ours: str, headers: dict[str, str]) -> None:
    bodies = []
    for url in (plain, ours):
        request = urllib.request.Request(f"{url}{path}", headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            bodies.append(answer.read())
    if bodies[0] != bodies[1]:
        raise RuntimeError(f"{path}: the bare route answers other bytes than ours")


def run(seconds: float) -> list[Result]:
    """One photo, a page of 50, a share with 50. The image redirect waits for a CDN to redirect to."""
    results = []
    with servers() as (plain, ours, ids, headers):
        for name, path, sent in (
            ("one photo", f"/photos/{ids.photo}", headers),
            ("a page of 50 photos", "/photos/", headers),
            ("a share with 50 photos", f"/share/{ids.token}", {}),
        ):
            _same_bytes(path, plain[0], ours[0], sent)
            loads = in_turns(
                {
                    "bare": Target(f"{plain[0]}{path}", plain[1], sent),
                    "ours": Target(f"{ours[0]}{path}", ours[1], sent),
                },
                seconds=seconds,
            )
            ratio = loads["ours"].requests_per_second / loads["bare"].requests_per_second
            figures: dict[str, float | str] = {
                "throughput, ours / bare": round(ratio, 3),
                "requests per second of processor time, ours / bare": round(
                    loads["bare"].cpu_us / loads["ours"].cpu_us, 3
                ),
                "99th percentile / median, ours at full load": round(loads["ours"].p99_ms / loads["ours"].p50_ms, 2),
            }
            target = "at least 60 % of bare FastAPI + asyncpg with the same query and bytes"
            results.append(Result(f"hot read: {name}", target, ratio >= 0.6, figures))
    return results
