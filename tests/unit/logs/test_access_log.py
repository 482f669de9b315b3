"""Which requests are logged, and what of them."""

from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs
from tests.support.clock import Clock

from photo_api.context import RequestContextMiddleware
from photo_api.logs.access import BURST, AccessLogMiddleware


class Requests:
    """Sends requests through the middleware to an application that answers as it is told."""

    def __init__(self, *, log_all: bool) -> None:
        self.clock = Clock(1_000.0)
        self.status = 200
        self.template = "/photos/{photo_id}"
        self.error: BaseException | None = None
        inner = AccessLogMiddleware(self._answer, log_all=log_all, clock=self.clock)
        self._app = RequestContextMiddleware(inner, trusted_proxies=())

    async def _answer(self, scope: Scope, _: Receive, send: Send) -> None:
        scope["photo_metrics.handler"] = self.template
        self.clock.now += 0.25
        if self.error is not None:
            raise self.error
        await send({"type": "http.response.start", "status": self.status})
        await send({"type": "http.response.body"})

    async def send(self, status: int, template: str = "/photos/{photo_id}") -> list[Any]:
        self.status, self.template = status, template
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/secret-path",
            "headers": [(b"x-request-id", b"request-0001")],
            "client": ("203.0.113.9", 4000),
        }

        async def receive() -> Message:
            return {"type": "http.request"}

        async def ignore(_: Message) -> None:
            pass

        with capture_logs() as logs:
            await self._app(scope, receive, ignore)
        return list(logs)


async def test_a_record_names_the_route_and_the_network_never_path_or_address() -> None:
    assert await Requests(log_all=True).send(200) == [
        {
            "event": "request",
            "log_level": "info",
            "method": "GET",
            "route": "/photos/{photo_id}",
            "status": 200,
            "duration_ms": 250.0,
            "client": "203.0.113.0/24",
            "request_id": "request-0001",
        }
    ]


@pytest.mark.parametrize(
    ("status", "template", "level"),
    [
        (200, "/photos/", None),
        (302, "/photos/{photo_id}/image", None),
        (422, "/photos/", None),
        (404, "/photos/{photo_id}", None),
        (404, "/share/{token}", "warning"),
        (404, "/photos/{photo_id}/image", "warning"),
        (401, "/auth/login", "warning"),
        (403, "/storage/{key}", "warning"),
        (429, "/auth/login", "warning"),
        (500, "/photos/", "error"),
        (503, "/photos/", "error"),
        (503, "/health", None),
    ],
)
async def test_what_is_logged_by_default(status: int, template: str, level: str | None) -> None:
    logged = await Requests(log_all=False).send(status, template)
    assert [record["log_level"] for record in logged] == ([level] if level else [])


async def test_an_exception_that_leaves_is_logged_as_500() -> None:
    requests = Requests(log_all=False)
    requests.error = ZeroDivisionError()
    with capture_logs() as logs, pytest.raises(ZeroDivisionError):
        await requests._app(
            {"type": "http", "method": "GET", "headers": [], "client": None},
            None,  # type: ignore[arg-type]  # never awaited
            None,  # type: ignore[arg-type]
        )
    assert [record["status"] for record in logs] == [500]


async def test_an_attack_does_not_flood_the_log_and_what_was_left_out_is_said() -> None:
    requests = Requests(log_all=False)
    written = 0
    for _ in range(BURST + 500):
        requests.clock.now -= 0.25  # the application's own time, so that no time passes
        written += len(await requests.send(401))
    assert BURST <= written <= BURST + 1
    requests.clock.now += 60
    (record,) = await requests.send(401)
    assert record["refusals_left_out"] == BURST + 500 - written


async def test_faults_of_ours_are_never_left_out() -> None:
    requests = Requests(log_all=False)
    for _ in range(BURST + 50):
        requests.clock.now -= 0.25
        assert len(await requests.send(500)) == 1
