"""The hot reads on PostgreSQL, authentication included, against bare FastAPI and asyncpg: same query, same bytes.

What runs beside the servers decides the latencies as much as they do: only the ratios are told.
"""

import asyncio
import json
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NoReturn

import asyncpg
import httpx
import orjson
from benchmarks.measure import Result, Target, asgi, in_turns, paced, photo_api
from fastapi import FastAPI, Response
from tests.support.postgresql import running_postgresql

from photo_api.database import Value
from photo_api.ids import new_id, now_ms, rfc3339
from photo_api.photos import repository as photos
from photo_api.share_links import repository as share_links

_EDGE: Final = "https://cdn.example.com"
_TOKEN: Final = "exp=1795420800~id=owner~hmac=" + "0" * 64
_ENCRYPT_KEY: Final = "00" * 32
_PACED_SHARE: Final = 0.7
_PACED_ROUNDS: Final = 3
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
    """The reads as one would write them by hand for speed: a pool, the query, a dict, orjson."""
    ids = Ids(**json.loads(os.environ[_IDS]))
    capture = _Capture()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.pool = await asyncpg.create_pool(os.environ[_DATABASE], min_size=10, max_size=10)
        app.state.one = await _statement(photos.find_ready(capture, ids.user, ids.photo))
        app.state.page = await _statement(photos.page_of(capture, ids.user, None, 51))
        app.state.image = await _statement(photos.find_image(capture, ids.user, ids.photo))
        app.state.share = await _statement(share_links.view(capture, sha256(ids.token.encode()).hexdigest(), None, 51))
        yield
        await app.state.pool.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None)

    @app.get("/photos/{photo_id}")
    async def one(photo_id: str) -> Response:
        sql, values = app.state.one
        row = await app.state.pool.fetchrow(sql, photo_id, *values[1:])
        return Response(orjson.dumps(photos.photo_dict(row)), media_type="application/json")

    @app.get("/photos/{photo_id}/image")
    async def image(photo_id: str) -> Response:
        sql, values = app.state.image
        row = await app.state.pool.fetchrow(sql, photo_id, *values[1:])
        headers = {
            "Location": f"{_EDGE}/photos/{row['object_key']}?token={_TOKEN}",
            "ETag": f'"{row["etag"]}"',
            "Cache-Control": "private, no-store",
        }
        return Response(status_code=302, headers=headers)

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


def edge() -> FastAPI:
    """What the service probes before it sends anybody there; nobody follows a link."""
    return FastAPI(openapi_url=None)


def _post(url: str, body: dict[str, str]) -> dict[str, Any]:
    return dict(httpx.post(url, json=body, timeout=10).raise_for_status().json())


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


def _ours(database: str, cdn: str) -> AbstractContextManager[tuple[str, int]]:
    """The service on this database, with a CDN whose tokens it makes itself."""
    settings = {
        "database_url": database,
        "cdn_url": cdn,
        "cdn_token_source": "local",
        "cdn_encrypt_key": _ENCRYPT_KEY,
        "cdn_token_seconds": "3600",
    }
    return photo_api({f"PHOTO_API_{name.upper()}": value for name, value in settings.items()})


@contextmanager
def servers() -> Iterator[tuple[tuple[str, int], tuple[str, int], Ids, dict[str, str]]]:
    """Both servers on one PostgreSQL: bare, ours, what is stored, and a user's header."""
    with running_postgresql() as database, asgi("benchmarks.hot_reads:edge") as (cdn, _), _ours(database, cdn) as ours:
        account = {"email": "bench@example.com", "username": "bench", "password": secrets.token_urlsafe(16)}
        user = _post(f"{ours[0]}/auth/register", account)["id"]
        access = _post(f"{ours[0]}/auth/login", {k: account[k] for k in ("email", "password")})["access_token"]
        ids = asyncio.run(_fill(database, user))
        environment = {_DATABASE: database, _IDS: orjson.dumps(ids.__dict__).decode()}
        with asgi("benchmarks.hot_reads:bare", environment) as plain:
            yield plain, ours, ids, {"Authorization": f"Bearer {access}"}


def _same_answer(path: str, plain: str, ours: str, headers: dict[str, str]) -> None:
    """Redirects are not followed; their links differ in the token."""
    got = [httpx.get(f"{url}{path}", headers=headers, timeout=10) for url in (plain, ours)]
    answers = [(answer.status_code, answer.content) for answer in got]
    if answers[0] != answers[1] or answers[0][0] not in {200, 302}:
        raise RuntimeError(f"{path}: the bare route answers {answers[0]}, ours {answers[1]}")


def _compared(name: str, plain: Target, ours: Target, seconds: float) -> list[Result]:
    """Throughput of both in turns, then the latency of ours under an even pace."""
    loads = in_turns({"bare": plain, "ours": ours}, seconds=seconds)
    maximum = loads["ours"].requests_per_second
    ratio = maximum / loads["bare"].requests_per_second
    throughput = Result(
        f"hot read: {name}",
        "at least 60 % of bare FastAPI + asyncpg with the same query and bytes",
        ratio >= 0.6,
        {
            "throughput, ours / bare": round(ratio, 3),
            "requests per second of processor time, ours / bare": round(loads["bare"].cpu_us / loads["ours"].cpu_us, 3),
        },
    )
    rate = maximum * _PACED_SHARE
    # In turns, and the least of them: what else runs on the machine only ever adds. The bare route shows by how much.
    spreads: dict[str, list[float]] = {"ours": [], "bare": []}
    for _ in range(_PACED_ROUNDS):
        for who, target in (("ours", ours), ("bare", plain)):
            pace = paced(target, rate=rate, seconds=seconds)
            spreads[who].append(pace.p99_ms / pace.p50_ms)
    spread = {who: min(found) for who, found in spreads.items()}
    latency = Result(
        f"steady read: {name}",
        "99th percentile under 3 × the median, evenly paced at 70 % of the maximum",
        spread["ours"] < 3,
        {f"99th percentile / median, {who}": round(value, 2) for who, value in spread.items()},
    )
    return [throughput, latency]


def run(seconds: float) -> list[Result]:
    """One photo, a page of 50, a share with 50, and the redirect of an image to the CDN."""
    results = []
    with servers() as (plain, ours, ids, headers):
        for name, path, sent in (
            ("one photo", f"/photos/{ids.photo}", headers),
            ("a page of 50 photos", "/photos/", headers),
            ("a share with 50 photos", f"/share/{ids.token}", {}),
            ("an image's redirect", f"/photos/{ids.photo}/image", headers),
        ):
            _same_answer(path, plain[0], ours[0], sent)
            bare_target, our_target = (Target(f"{url}{path}", pid, sent) for url, pid in (plain, ours))
            results += _compared(name, bare_target, our_target, seconds)
    return results
