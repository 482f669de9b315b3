from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from photo_metrics import HANDLER_KEY, REQUEST_ID_KEY, RESPONSE_HEADERS_KEY, InstrumentationMiddleware, RouteTable
from photo_metrics.exposition import render_openmetrics
from photo_metrics.instrumentation import HttpMetrics
from photo_metrics.registry import Registry
from photo_metrics.spec import MetricSpec, MetricType, Text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from photo_metrics import Recorder
    from photo_metrics.asgi import ASGIApp, Message, Receive, Scope, Send

    from .conftest import Page


def _fastapi() -> FastAPI:
    app = FastAPI()
    photos = APIRouter(prefix="/photos")

    @photos.get("/{photo_id}")
    async def read(photo_id: str) -> dict[str, str]:
        return {"id": photo_id}

    @photos.post("/", status_code=201)
    async def create(response: Response) -> dict[str, str]:
        return {}

    @photos.get("/{photo_id}/broken")
    async def broken(photo_id: str) -> None:
        raise RuntimeError(photo_id)

    @photos.get("/{photo_id}/torn")
    async def torn(photo_id: str) -> StreamingResponse:
        async def body() -> AsyncIterator[bytes]:
            yield b"begin"
            raise RuntimeError(photo_id)

        return StreamingResponse(body())

    app.include_router(photos)
    return app


def _instrument(recorder: Recorder, app: ASGIApp | None = None) -> InstrumentationMiddleware:
    fastapi = _fastapi()
    return InstrumentationMiddleware(app or fastapi, recorder=recorder, routes=RouteTable.from_fastapi(fastapi))


async def _request(app: ASGIApp, method: str, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        return await client.request(method, path)


def _scope(path: str = "/photos/7", method: str = "GET") -> Scope:
    return {"type": "http", "method": method, "path": path, "root_path": "", "query_string": b"", "headers": []}


async def _run(app: ASGIApp, scope: Scope, *incoming: Message) -> list[Message]:
    messages, sent = list(incoming), []

    async def receive() -> Message:
        return messages.pop(0) if messages else await asyncio.Future()

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


async def _answer(send: Send, status: int = 200, body: bytes = b"{}") -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize(
    ("method", "path", "labels"),
    [
        ("GET", "/photos/7", ("GET", "/photos/{photo_id}", "200")),
        ("POST", "/photos/", ("POST", "/photos/", "201")),
        ("DELETE", "/photos/7", ("DELETE", "/photos/{photo_id}", "405")),
        ("GET", "/share/secret", ("GET", "none", "404")),
        ("BREW", "/photos/7", ("OTHER", "/photos/{photo_id}", "405")),
        ("GET", "/docs", ("GET", "OTHER", "200")),
        ("GET", "/photos/7/broken", ("GET", "/photos/{photo_id}/broken", "500")),
    ],
)
async def test_a_request_is_counted_and_timed_under_its_labels(
    recorder: Recorder, page: Page, method: str, path: str, labels: tuple[str, str, str]
) -> None:
    await _request(_instrument(recorder), method, path)
    named = dict(zip(("method", "handler", "status"), labels, strict=True))
    assert page.value("http_requests_total", **named) == 1
    assert page.value("http_request_duration_seconds_count", **named) == 1
    assert sum(page.label_values("http_requests_total", "status").values()) == 1


def test_counters_of_declared_routes_exist_before_any_request(recorder: Recorder, page: Page) -> None:
    _instrument(recorder)
    for status in ("200", "201", "500", "503"):
        assert page.value("http_requests_total", method="POST", handler="/photos/", status=status) == 0
    assert page.value("http_requests_total", method="GET", handler="/photos/{photo_id}", status="201") is None
    assert page.label_values("http_request_duration_seconds_count", "handler") == {}


async def test_an_exception_counts_as_500_and_as_unhandled_and_is_raised_again(recorder: Recorder, page: Page) -> None:
    with pytest.raises(RuntimeError):
        await _run(_instrument(recorder), _scope("/photos/7/broken"), {"type": "http.request"})
    assert page.value("photo_api_exceptions_total") == 1
    assert page.label_values("http_requests_total", "status")["500"] == 1


async def test_an_exception_that_the_error_handler_reported_is_counted_once(recorder: Recorder, page: Page) -> None:
    app = _fastapi()

    @app.exception_handler(Exception)
    async def report(request: Request, error: Exception) -> Response:
        recorder.unhandled_exception(error)
        return Response(status_code=500)

    await _request(_instrument(recorder, app), "GET", "/photos/7/broken")
    assert page.value("photo_api_exceptions_total") == 1


async def test_a_body_that_breaks_off_counts_as_500(recorder: Recorder, page: Page) -> None:
    with pytest.raises(RuntimeError):
        await _run(_instrument(recorder), _scope("/photos/7/torn"), {"type": "http.request"})
    assert page.value("http_requests_total", method="GET", handler="/photos/{photo_id}/torn", status="500") == 1
    assert page.value("http_requests_total", method="GET", handler="/photos/{photo_id}/torn", status="200") == 0


async def test_no_response_at_all_counts_as_500(recorder: Recorder, page: Page) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        return

    await _run(_instrument(recorder, app), _scope())
    assert page.label_values("http_requests_total", "status")["500"] == 1


async def test_a_client_that_left_before_the_response_counts_as_499(recorder: Recorder, page: Page) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "http.disconnect"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await _run(_instrument(recorder, app), _scope(), {"type": "http.disconnect"})
    assert page.label_values("http_requests_total", "status")["499"] == 1
    assert page.value("photo_api_exceptions_total") == 0
    assert (
        page.value("http_request_duration_seconds_count", method="GET", handler="/photos/{photo_id}", status="499") == 1
    )


async def test_a_client_that_leaves_during_the_body_keeps_the_status(recorder: Recorder, page: Page) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 206, "headers": []})
        await receive()

    await _run(_instrument(recorder, app), _scope(), {"type": "http.disconnect"})
    assert page.label_values("http_requests_total", "status")["206"] == 1


async def test_a_cancelled_request_counts_as_499(recorder: Recorder, page: Page) -> None:
    started = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(_run(_instrument(recorder, app), _scope()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert page.label_values("http_requests_total", "status")["499"] == 1


async def test_a_streamed_body_is_timed_to_its_first_byte(
    recorder: Recorder, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("photo_metrics.instrumentation.perf_counter", lambda: now)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal now
        now = 1.0
        await send({"type": "http.response.start", "status": 200, "headers": []})
        now = 2.0
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        now = 3.0
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        now = 60.0
        await send({"type": "http.response.body", "body": b"last"})

    await _run(_instrument(recorder, app), _scope())
    labels = {"method": "GET", "handler": "/photos/{photo_id}", "status": "200"}
    assert page.value("http_request_duration_seconds_sum", **labels) == 3.0


@pytest.mark.parametrize("message", [{"type": "http.response.body"}, {"type": "http.response.pathsend", "path": "/x"}])
async def test_an_empty_body_and_a_sent_file_end_the_time(
    recorder: Recorder, page: Page, monkeypatch: pytest.MonkeyPatch, message: Message
) -> None:
    now = 0.0
    monkeypatch.setattr("photo_metrics.instrumentation.perf_counter", lambda: now)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal now
        await send({"type": "http.response.start", "status": 200, "headers": []})
        now = 1.5
        await send(message)
        now = 60.0

    await _run(_instrument(recorder, app), _scope())
    labels = {"method": "GET", "handler": "/photos/{photo_id}", "status": "200"}
    assert page.value("http_request_duration_seconds_sum", **labels) == 1.5


async def test_the_route_is_known_to_everything_inside(recorder: Recorder) -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope[HANDLER_KEY])
        await _answer(send, 429)

    await _run(_instrument(recorder, app), _scope("/photos/7"))
    assert seen == ["/photos/{photo_id}"]


async def test_the_request_id_becomes_the_exemplar(recorder: Recorder) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await _answer(send)

    await _run(_instrument(recorder, app), {**_scope(), REQUEST_ID_KEY: "0192-abcd"})
    assert ' # {request_id="0192-abcd"} ' in render_openmetrics(recorder.registry)


async def test_messages_pass_unchanged(recorder: Recorder) -> None:
    received: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        received.append(await receive())
        await _answer(send, body=b"body")

    request: Message = {"type": "http.request", "body": b"in", "more_body": False}
    sent = await _run(_instrument(recorder, app), _scope(), request)
    assert received == [request]
    assert sent == [
        {"type": "http.response.start", "status": 200, "headers": []},
        {"type": "http.response.body", "body": b"body"},
    ]


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
async def test_other_connections_pass_uncounted(recorder: Recorder, page: Page, kind: str) -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    scope: Scope = {"type": kind}
    await _run(_instrument(recorder, app), scope)
    assert seen == [scope]
    assert sum(page.label_values("http_requests_total", "status").values()) == 0


async def test_a_status_outside_http_counts_as_500(recorder: Recorder, page: Page) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await _answer(send, 999)

    await _run(_instrument(recorder, app), _scope())
    assert page.label_values("http_requests_total", "status")["500"] == 1


async def test_invented_methods_make_one_series(recorder: Recorder, page: Page) -> None:
    app = _instrument(recorder)
    for number in range(50):
        await _run(app, _scope(method=f"M{number}"), {"type": "http.request"})
    assert page.label_values("http_requests_total", "method")["OTHER"] == 50
    assert not {name for name in page.label_values("http_requests_total", "method") if name.startswith("M")}


@pytest.mark.parametrize("kind", [MetricType.GAUGE, MetricType.COUNTER])
def test_a_family_of_other_labels_is_refused(kind: MetricType) -> None:
    spec = MetricSpec(name="a_total", type=kind, help=Text(ko="", en=""))
    with pytest.raises(ValueError, match="method, handler, status"):
        HttpMetrics(Registry(), spec, spec)


async def test_headers_left_in_the_scope_are_added_to_the_response_and_to_no_other(recorder: Recorder) -> None:
    own = [(b"content-type", b"text/plain")]

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": own})
        await send({"type": "http.response.body", "body": b""})

    app = _instrument(recorder, answer)
    left = _scope()
    left[RESPONSE_HEADERS_KEY] = ((b"x-request-id", b"1"),)
    assert (await _run(app, left))[0]["headers"] == [*own, (b"x-request-id", b"1")]
    assert (await _run(app, _scope()))[0]["headers"] == own
