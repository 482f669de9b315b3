from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route

from photo_metrics import RouteTable

if TYPE_CHECKING:
    from photo_metrics.asgi import Receive, Scope, Send


def _application() -> FastAPI:
    """Every way in which a path can be declared; each route answers with its own template."""
    app = FastAPI()

    def add(router: APIRouter | FastAPI, method: str, path: str, answer: str, status: int = 200) -> None:
        async def endpoint() -> PlainTextResponse:
            return PlainTextResponse(answer, status_code=status)

        router.add_api_route(path, endpoint, methods=[method], status_code=status)

    photos = APIRouter(prefix="/photos")
    add(photos, "POST", "/presigned-url", "/photos/presigned-url")
    add(photos, "GET", "/", "/photos/")
    add(photos, "GET", "/{photo_id}", "/photos/{photo_id}")
    add(photos, "PATCH", "/{photo_id}", "/photos/{photo_id}")
    add(photos, "GET", "/{photo_id}/image", "/photos/{photo_id}/image")
    nested = APIRouter(prefix="/{album_id}/photos")
    add(nested, "POST", "/", "/albums/{album_id}/photos/", 201)
    add(nested, "DELETE", "/{number:int}", "/albums/{album_id}/photos/{number}")
    albums = APIRouter(prefix="/albums")
    add(albums, "PUT", "/files/{key:path}", "/albums/files/{key}")
    albums.include_router(nested)
    app.include_router(photos)
    app.include_router(albums)
    add(app, "GET", "/health", "/health")
    add(app, "GET", "/{tenant}/{thing}/settings", "/{tenant}/{thing}/settings")
    inner = FastAPI()
    add(inner, "GET", "/items/{item_id}", "/inner/items/{item_id}")
    app.mount("/inner", inner)
    return app


APP = _application()
TABLE = RouteTable.from_fastapi(APP)


@pytest.mark.parametrize(
    ("method", "path", "template"),
    [
        ("GET", "/health", "/health"),
        ("GET", "/photos/", "/photos/"),
        ("GET", "/photos/7", "/photos/{photo_id}"),
        ("GET", "/photos/7/image", "/photos/{photo_id}/image"),
        ("POST", "/photos/presigned-url", "/photos/presigned-url"),
        # Routing goes by method too: a static path of another method's route is no obstacle.
        ("GET", "/photos/presigned-url", "/photos/{photo_id}"),
        ("POST", "/albums/1/photos/", "/albums/{album_id}/photos/"),
        ("DELETE", "/albums/1/photos/2", "/albums/{album_id}/photos/{number}"),
        ("PUT", "/albums/files/a/b/c.jpg", "/albums/files/{key}"),
        ("GET", "/acme/door/settings", "/{tenant}/{thing}/settings"),
        ("GET", "/photos/door/settings", "/{tenant}/{thing}/settings"),
        ("GET", "/inner/items/3", "/inner/items/{item_id}"),
    ],
)
async def test_a_request_resolves_to_the_route_that_answers_it(method: str, path: str, template: str) -> None:
    assert TABLE.resolve(method, path) == template
    async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://app") as client:
        assert (await client.request(method, path)).text == template


@pytest.mark.parametrize(
    ("method", "path", "template"),
    [
        ("DELETE", "/photos/7", "/photos/{photo_id}"),
        ("DELETE", "/health", "/health"),
        ("HEAD", "/photos/7/image", "/photos/{photo_id}/image"),
        ("OPTIONS", "/albums/1/photos/", "/albums/{album_id}/photos/"),
        ("PUT", "/inner/items/3", "/inner/items/{item_id}"),
        ("BREW", "/photos/presigned-url", "/photos/presigned-url"),
    ],
)
async def test_a_wrong_method_keeps_the_template(method: str, path: str, template: str) -> None:
    assert TABLE.resolve(method, path) == template
    async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://app") as client:
        assert (await client.request(method, path)).status_code == 405


@pytest.mark.parametrize(
    "path",
    ["/", "", "/nothing", "/photos/7/8/9", "/albums/1/photos/x", "/inner/nothing", "/inner", "/share/secret-token"],
)
def test_what_no_route_matches_is_none(path: str) -> None:
    assert TABLE.resolve("GET", path) == "none"


def test_every_template_is_a_path_of_the_api_description() -> None:
    described = set(APP.openapi()["paths"])
    assert {template for template in TABLE.templates if not template.startswith("/inner/")} == described | {
        "none",
        "OTHER",
    }


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/redoc"])
def test_routes_outside_the_api_description_are_other(path: str) -> None:
    assert TABLE.resolve("GET", path) == "OTHER"


def test_declared_routes_carry_method_and_success() -> None:
    declared = {(route.template, route.method): route.success_status for route in TABLE.declared()}
    assert declared["/albums/{album_id}/photos/", "POST"] == 201
    assert declared["/photos/{photo_id}", "PATCH"] == 200
    assert ("/docs", "GET") not in declared


@pytest.mark.parametrize(("root_path", "path"), [("", "/health"), ("/v1", "/v1/health"), ("/v1", "/health")])
def test_a_root_path_is_taken_off(root_path: str, path: str) -> None:
    scope = {"type": "http", "method": "GET", "path": path, "root_path": root_path}
    assert TABLE.resolve_scope(scope) == "/health"


def test_a_path_that_only_starts_like_the_root_path_keeps_it() -> None:
    scope = {"type": "http", "method": "GET", "path": "/v1health", "root_path": "/v1"}
    assert TABLE.resolve_scope(scope) == "none"


def test_an_earlier_route_wins_over_a_later_static_one() -> None:
    async def endpoint(request: Request) -> Response:
        return PlainTextResponse(request.url.path)

    table = RouteTable.from_fastapi(Starlette(routes=[Route("/a/{b}", endpoint), Route("/a/b", endpoint)]))
    assert table.resolve("GET", "/a/b") == "/a/{b}"


def test_a_mount_without_routes_of_its_own_is_other_and_hides_what_comes_after() -> None:
    async def files(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("file")(scope, receive, send)

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse(request.url.path)

    table = RouteTable.from_fastapi(
        Starlette(routes=[Mount("/files", files), Route("/files/{name}", endpoint), Route("/x", endpoint)])
    )
    assert table.resolve("GET", "/files/a.css") == "OTHER"
    assert table.resolve("HEAD", "/x") == "/x"
