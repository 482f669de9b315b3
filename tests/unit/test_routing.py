"""Direct routes answer as FastAPI's own do, and every request finds the route that the router would choose."""

from types import SimpleNamespace
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request
from fastapi.routing import APIRoute
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from photo_api.context import Principal, RequestContextMiddleware, context_of
from photo_api.dependencies import CurrentUser, Cursor, Id, Limit, Services
from photo_api.errors import install_error_handlers
from photo_api.routing import DirectRoute, install_routes
from photo_metrics import InstrumentationMiddleware, Recorder, RouteTable

ID = "01a20771-6ece-74c9-b0c7-4cfe1e6b3861"
ANN = {"X-User": "ann"}


class LogIn:
    """Stands for the authentication: who says ``X-User`` is that user."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (b"x-user", b"ann") in scope["headers"]:
            context_of(scope).principal = Principal("ann", "family")
        await self.app(scope, receive, send)


async def _something(request: Request) -> str:
    return request.headers.get("X-Something", "nothing")


def things(route_class: type[APIRoute]) -> APIRouter:
    """Routes of every kind that the service has, and one that asks for a dependency of its own."""
    router = APIRouter(prefix="/things", route_class=route_class)

    @router.get("/fixed")
    async def fixed() -> Response:
        return JSONResponse("fixed")

    @router.get("/{thing_id}")
    async def one(
        thing_id: Id,
        user: CurrentUser,
        services: Services,
        request: Request,
        cursor: Cursor = None,
        limit: Limit = 50,
        tag: Annotated[list[str] | None, Query()] = None,
        password: Annotated[str | None, Header(alias="X-Password", max_length=5)] = None,
    ) -> Response:
        parts: Any = services
        return JSONResponse([thing_id, user.user_id, parts.name, request.method, cursor, limit, tag, password])

    @router.head("/{thing_id}/image", include_in_schema=False)
    @router.get("/{thing_id}/image")
    async def image(thing_id: Id, size: Annotated[int, Query()]) -> Response:
        return JSONResponse([thing_id, size])

    @router.post("/")
    async def make(body: dict[str, int], user: CurrentUser) -> Response:
        return JSONResponse([body, user.user_id])

    @router.get("/{thing_id}/other")
    async def other(thing_id: str, something: Annotated[str, Depends(_something)]) -> Response:
        return JSONResponse([thing_id, something])

    return router


def application(*, direct: bool) -> FastAPI:
    """The routes as the service serves them, or as FastAPI does by itself."""
    app = FastAPI(redirect_slashes=False)
    app.state.components = SimpleNamespace(name="the services")
    if direct:
        install_routes(app, things(DirectRoute))
    else:
        app.include_router(things(APIRoute))
    install_error_handlers(app)
    recorder = Recorder(app="test", version="0", environment="development", node="test")
    app.add_middleware(LogIn)
    app.add_middleware(InstrumentationMiddleware, recorder=recorder, routes=RouteTable.from_fastapi(app))
    app.add_middleware(RequestContextMiddleware, trusted_proxies=())
    return app


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/things/fixed", {}, 200),
        ("GET", f"/things/{ID}", ANN, 200),
        ("GET", f"/things/{ID}?cursor={ID}&limit=7&tag=a&tag=b", {**ANN, "X-Password": "abc"}, 200),
        ("GET", f"/things/{ID}?limit=7", ANN, 200),
        ("GET", f"/things/{ID}", {}, 401),
        ("GET", "/things/no-id?limit=x", {}, 401),  # who one is comes before what one asks
        ("GET", "/things/no-id", ANN, 422),
        ("GET", f"/things/{ID}?limit=0&cursor=x", {**ANN, "X-Password": "too long"}, 422),
        ("GET", f"/things/{ID}/image?size=5", {}, 200),
        ("HEAD", f"/things/{ID}/image?size=5", {}, 200),
        ("GET", f"/things/{ID}/image", {}, 422),
        ("GET", f"/things/{ID}/image?size=x", {}, 422),
        ("POST", "/things/", ANN, 422),
        ("GET", "/things/a%2Fb/other", {}, 404),
        ("GET", "/things/%C3%A4/other", {"X-Something": "else"}, 200),
        ("GET", "/things/", {}, 405),
        ("DELETE", f"/things/{ID}", {}, 405),
        ("BREW", f"/things/{ID}", {}, 405),
        ("GET", "/things", {}, 404),
        ("GET", "/nothing", {}, 404),
    ],
)
async def test_a_direct_route_answers_as_fastapi_does(
    method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answers = []
    for direct in (True, False):
        transport = httpx.ASGITransport(application(direct=direct))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            answers.append(await client.request(method, path, headers={**headers, "X-Request-ID": "the-same-one"}))
    ours, theirs = answers
    assert ours.status_code == status
    assert (ours.status_code, ours.content, ours.headers) == (theirs.status_code, theirs.content, theirs.headers)


async def test_a_body_is_validated_by_fastapi() -> None:
    transport = httpx.ASGITransport(application(direct=True))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.post("/things/", json={"a": 1}, headers=ANN)).json() == [{"a": 1}, "ann"]
        assert (await client.post("/things/", json={"a": "x"}, headers=ANN)).status_code == 422


def test_the_description_is_fastapis_own() -> None:
    ours, theirs = application(direct=True).openapi(), application(direct=False).openapi()
    assert ours["paths"] == theirs["paths"]
    assert ours["components"] == theirs["components"]


def test_what_needs_the_solver_keeps_it() -> None:
    routes = {route.path: route for route in things(DirectRoute).routes if isinstance(route, APIRoute)}
    direct = {path for path, route in routes.items() if route.app.__module__ == "photo_api.routing"}
    assert direct == {"/things/fixed", "/things/{thing_id}", "/things/{thing_id}/image"}
