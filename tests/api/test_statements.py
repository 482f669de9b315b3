"""What each endpoint asks of PostgreSQL, by the server's own log: how often, and by which plans."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
from tests.support.service import PASSWORD, Service, Start, User
from tests.support.statements import StatementLog, log_statements, walk

from photo_api.ids import new_id
from photo_metrics import RouteTable

SMALL = {"totals", "active_user_days", "alembic_version"}
"""Tables of a few rows, whatever there is: read as a whole."""
MOST_PAGES = 400
"""Pages of 8 KiB that one statement may touch: 30 photos take some 100, and a look through a whole index more."""
UNASKED = {("GET", "/health"), ("GET", "/health/live"), ("GET", "/health/ready"), ("PUT", "/storage/{key}")}
"""Routes without statements of their own."""


@asynccontextmanager
async def watched(start: Start, url: str, *, plans: bool = False) -> AsyncIterator[tuple[Service, StatementLog]]:
    """The service on PostgreSQL, quiet but for its requests, and what it asks; with ``plans`` on a filled database."""
    async with start(
        database_url=url,
        database_pool_size=1,  # each statement is prepared once
        dependency_probe_seconds=60,
        business_metrics_interval_seconds=3600,
        reaper_interval_seconds=60,
    ) as service:
        if plans:
            await fill(url)
        log = await log_statements(url, plans=plans)
        await service.components.database.close()  # the settings are a new connection's
        await service.components.database.open()
        yield service, log


class Requests:
    """One request to every endpoint, for a user who has ``rows`` of everything."""

    def __init__(self, service: Service, log: StatementLog, jpeg: bytes) -> None:
        self._service = service
        self._log = log
        self._jpeg = jpeg
        self._table = RouteTable.from_fastapi(service.app)
        self.asked: dict[tuple[str, str], list[list[str]]] = {}

    async def request(self, user: User | None, method: str, template: str, **options: Any) -> httpx.Response:
        """Send one; its statements go to ``asked``."""
        values = options.pop("at", {})
        self._log.mark()
        answer = await self._service.client.request(
            method, template.format(**values), headers=user.headers if user else {}, **options
        )
        assert answer.status_code < 300, f"{method} {template}: {answer.text}"
        self.asked.setdefault((method, template), []).append(self._log.statements())
        return answer

    async def own(self, user: User, rows: int) -> tuple[str, list[str], list[str]]:
        """Give a user ``rows`` of everything: an album, its photos, the tokens of its links."""
        tokens, photos = [], []
        for _ in range(rows):
            album = await self._service.album(user)
        for _ in range(rows):
            made = await self._service.client.post(f"/albums/{album}/share", json={}, headers=user.headers)
            tokens.append(made.json()["url"].rpartition("/")[2])
            credentials = {"email": user.email, "password": PASSWORD}
            await self._service.client.post("/auth/login", json=credentials)
        database = self._service.components.database
        async with database.transaction() as transaction:
            for _ in range(rows):
                photos.append(new_id())
                await transaction.execute(
                    "INSERT INTO photos (id, owner_id, status, object_key, filename, content_type, file_size, etag,"
                    " width, height, created_ms, confirmed_ms)"
                    " VALUES ($1, $2, 'ready', $1, 'a.jpg', 'image/jpeg', 1, 'e', 1, 1, 1, 1)",
                    photos[-1],
                    user.id,
                )
        return album, photos, tokens

    async def all(self, rows: int) -> None:
        """Ask everything."""
        user = await self._service.register()
        album, photos, tokens = await self.own(user, rows)
        here = {"album_id": album, "photo_id": photos[0], "token": tokens[0]}
        account = {"email": f"new{rows}@example.com", "username": f"new{rows}", "password": PASSWORD}
        await self.request(None, "POST", "/auth/register", json=account)
        answer = await self.request(None, "POST", "/auth/login", json={"email": user.email, "password": PASSWORD})
        refresh = {"refresh_token": answer.json()["refresh_token"]}
        await self.request(None, "POST", "/auth/refresh", json=refresh)
        await self.request(user, "GET", "/auth/me")
        await self.request(user, "POST", "/albums/", json={"name": "Jeju"})
        await self.request(user, "POST", "/albums/{album_id}/photos", at=here, json={"photo_ids": photos})
        cover = {"cover_photo_id": photos[0]}
        await self.request(user, "PATCH", "/albums/{album_id}", at=here, json=cover)
        everything = {"limit": 100}
        await self.request(user, "GET", "/albums/", params=everything)
        await self.request(user, "GET", "/albums/{album_id}", at=here)
        await self.request(user, "GET", "/albums/{album_id}/photos", at=here, params=everything)
        await self.upload(user, album)
        await self.request(user, "GET", "/photos/", params=everything)
        await self.request(user, "GET", "/photos/{photo_id}", at=here)
        await self.request(user, "PATCH", "/photos/{photo_id}", at=here, json={"title": "Beach"})
        await self.request(user, "GET", "/albums/{album_id}/share", at=here, params=everything)
        link = await self.request(user, "POST", "/albums/{album_id}/share", at=here, json={})
        await self.request(None, "GET", "/share/{token}", at=here, params=everything)
        await self.request(
            user, "DELETE", "/albums/{album_id}/share/{link_id}", at=here | {"link_id": link.json()["id"]}
        )
        await self.request(user, "DELETE", "/albums/{album_id}/photos/{photo_id}", at=here)
        await self.request(user, "DELETE", "/photos/{photo_id}", at=here)
        await self.request(user, "DELETE", "/albums/{album_id}", at=here)
        await self.request(user, "POST", "/auth/logout")

    async def upload(self, user: User, album: str) -> None:
        """Both ways of uploading, and the images of what came."""
        declared = {"filename": "a.jpg", "content_type": "image/jpeg", "file_size": len(self._jpeg)}
        answer = await self.request(user, "POST", "/photos/presigned-url", json=declared | {"album_id": album})
        announced = answer.json()
        await self._service.client.request(
            announced["upload_method"],
            announced["upload_url"],
            content=self._jpeg,
            headers=announced["upload_headers"],
        )
        answer = await self.request(user, "POST", "/photos/confirm", json={"photo_id": announced["photo_id"]})
        form = {"data": {"album_id": album}, "files": {"file": ("a.jpg", self._jpeg, "image/jpeg")}}
        await self.request(user, "POST", "/photos/", **form)
        share = await self._service.client.post(f"/albums/{album}/share", json={}, headers=user.headers)
        here = {"photo_id": announced["photo_id"], "token": share.json()["url"].rpartition("/")[2]}
        for method in ("GET", "HEAD"):
            await self.request(user, method, "/photos/{photo_id}/image", at=here)
            await self.request(None, method, "/share/{token}/photos/{photo_id}/image", at=here)

    def routes(self) -> set[tuple[str, str]]:
        """Every endpoint that asks something."""
        return {(route.method, route.template) for route in self._table.declared()} - UNASKED


async def test_no_endpoint_asks_more_where_there_are_more_rows(
    start: Start, postgresql_url: str, jpeg: Callable[..., bytes]
) -> None:
    async with watched(start, postgresql_url) as (service, log):
        requests = Requests(service, log, jpeg())
        for rows in (2, 30):
            await requests.all(rows)
    assert {route for route, asked in requests.asked.items() if all(asked)} == requests.routes()
    grown = {route: asked for route, asked in requests.asked.items() if len(asked[0]) != len(asked[1])}
    assert grown == {}


async def test_confirm_asks_twice_besides_begin_and_commit(
    start: Start, postgresql_url: str, jpeg: Callable[..., bytes]
) -> None:
    async with watched(start, postgresql_url) as (service, log):
        requests = Requests(service, log, jpeg())
        user = await service.register()
        album = await service.album(user)
        for _ in range(2):
            await requests.upload(user, album)
    for asked in requests.asked["POST", "/photos/confirm"]:
        assert [text.split()[0] for text in asked] == ["SELECT", "BEGIN;", "WITH", "COMMIT;"]


FILL = """
SET session_replication_role = replica;  -- foreign keys are as they should be
INSERT INTO users (id, email, username, password_hash, created_ms, last_active_day, photo_bytes)
    SELECT 'u' || n, 'u' || n, 'u' || n, '-', 0, 1, n FROM generate_series(1, 5000) n;
INSERT INTO photos (id, owner_id, status, object_key, filename, content_type, file_size, created_ms,
        pending_until_ms, confirmed_ms)
    SELECT 'p' || n, 'u' || n % 5000 + 1, CASE n % 50 WHEN 0 THEN 'pending' ELSE 'ready' END,
        '01890000-0000-7000-8000-' || lpad(n::text, 12, '0'), 'a.jpg', 'image/jpeg', 1, 0,
        CASE n % 50 WHEN 0 THEN 9000000000000 + n END, 1 FROM generate_series(1, 20000) n;
INSERT INTO albums (id, owner_id, name, cover_photo_id, created_ms, updated_ms)
    SELECT 'a' || n, 'u' || n % 5000 + 1, 'Jeju', 'p' || n, 0, 0 FROM generate_series(1, 5000) n;
INSERT INTO album_photos (album_id, photo_id, added_ms)
    SELECT 'a' || n % 5000 + 1, 'p' || n, 0 FROM generate_series(1, 20000) n;
INSERT INTO share_links (id, album_id, owner_id, token_hash, created_ms, expires_ms)
    SELECT 'l' || n, 'a' || n % 5000 + 1, 'u' || n % 5000 + 1, 't' || n, 0, 9000000000000 + n
    FROM generate_series(1, 10000) n;
INSERT INTO refresh_tokens (id, family_id, user_id, token_hash, created_ms, expires_ms)
    SELECT 'r' || n, 'f' || n / 2, 'u' || n % 5000 + 1, 'h' || n, 0, 9000000000000 + n
    FROM generate_series(1, 10000) n;
INSERT INTO object_deletions (object_key, created_ms, next_attempt_ms)
    SELECT '01890000-0000-7000-8000-' || lpad(n::text, 12, '0'), 0, 9000000000000 + n FROM generate_series(1, 5000) n;
ANALYZE
"""
"""Enough of everything that reading a table whole is never the cheapest way."""


async def fill(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(FILL)
    finally:
        await connection.close()


async def in_the_background(service: Service) -> None:
    """What nobody asks for: the tasks that run beside the requests, with something to do."""
    components = service.components
    async with components.database.transaction() as transaction:
        await transaction.execute("UPDATE photos SET pending_until_ms = 1 WHERE id IN ('p50', 'p100')")
        await transaction.execute("UPDATE share_links SET expires_ms = 1 WHERE id IN ('l1', 'l2')")
        await transaction.execute("UPDATE refresh_tokens SET expires_ms = 1 WHERE id IN ('r1', 'r2')")
    await components.photos.reap()
    await components.photos.reap()  # deletes what the first has put into the outbox
    await components.share_links.close_expired()
    await components.accounts.reap()
    await components.business_metrics.publish()
    await components.database.ping()


def dear(plan: dict[str, Any]) -> list[str]:
    """What of a plan does not fit a large database."""
    found: list[str] = []

    def look(node: dict[str, Any]) -> None:
        table = node.get("Relation Name")
        if node["Node Type"] == "Seq Scan" and table not in SMALL:
            found.append(f"reads {table} whole")

    walk(plan["Plan"], look)
    pages = plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"]
    if pages > MOST_PAGES:
        found.append(f"touches {pages} pages")
    return [f"{plan['Query Text']}: {what}" for what in found]


async def test_no_statement_reads_a_large_table_whole(
    start: Start, postgresql_url: str, jpeg: Callable[..., bytes]
) -> None:
    """Those of foreign keys included, and each as it was planned for its own values."""
    async with watched(start, postgresql_url, plans=True) as (service, log):
        began = log.at
        requests = Requests(service, log, jpeg())
        await requests.all(30)
        await in_the_background(service)
        log.at = began
        plans = log.plans()
    assert len(plans) > 100
    assert [line for plan in plans for line in dear(plan)] == []
