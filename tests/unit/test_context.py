"""Whose request it is: the client's address behind trusted proxies, and the request id."""

import asyncio
import ipaddress

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from photo_api.context import RequestContextMiddleware, context_of, current_request_id
from photo_metrics import InstrumentationMiddleware, Recorder, RouteTable


async def answer_with_ip(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse(context_of(scope).client_ip)(scope, receive, send)


def app(*trusted: str) -> ASGIApp:
    """As the service has it: the instrumentation, which sends the request id, inside."""
    recorder = Recorder(app="test", version="0", environment="test", node="test")
    measured = InstrumentationMiddleware(answer_with_ip, recorder=recorder, routes=RouteTable([]))
    return RequestContextMiddleware(measured, trusted_proxies=[ipaddress.ip_network(text) for text in trusted])


async def get(application: ASGIApp, peer: str, headers: dict[str, str] | None = None) -> httpx.Response:
    transport = httpx.ASGITransport(application, client=(peer, 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get("/", headers=headers)


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "client"),
    [
        ((), "192.0.2.1", "198.51.100.7", "192.0.2.1"),  # nobody is trusted
        (("10.0.0.0/8",), "192.0.2.1", "198.51.100.7", "192.0.2.1"),  # not this peer
        (("10.0.0.0/8",), "10.1.1.1", "198.51.100.7", "198.51.100.7"),
        (("10.0.0.0/8",), "10.1.1.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),  # what the client claims is not
        (("10.0.0.0/8",), "10.1.1.1", "198.51.100.7, 10.2.2.2", "198.51.100.7"),  # a chain of our proxies
        (("10.0.0.0/8",), "10.1.1.1", "nonsense", "10.1.1.1"),
        (("10.0.0.0/8",), "::ffff:10.1.1.1", "198.51.100.7", "198.51.100.7"),  # through a dual-stack socket
        (("10.0.0.0/8",), "10.1.1.1", "2001:db8::1", "2001:db8::1"),
        (("10.0.0.0/8",), "10.1.1.1", "", "10.1.1.1"),
    ],
)
async def test_the_client_is_the_last_address_that_is_no_trusted_proxy(
    trusted: tuple[str, ...], peer: str, forwarded: str, client: str
) -> None:
    answer = await get(app(*trusted), peer, {"X-Forwarded-For": forwarded})
    assert answer.text == client


async def test_a_wellformed_request_id_is_kept_and_another_is_replaced() -> None:
    kept = await get(app(), "192.0.2.1", {"X-Request-ID": "trace-12345678"})
    assert kept.headers["X-Request-ID"] == "trace-12345678"
    for bad in ("short", "x" * 65, 'with"quotes-and-more'):
        answer = await get(app(), "192.0.2.1", {"X-Request-ID": bad})
        assert answer.headers["X-Request-ID"] != bad
        assert len(answer.headers["X-Request-ID"]) == 36


async def test_a_request_id_is_known_in_its_own_task_and_nowhere_else() -> None:
    seen: list[str | None] = []

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(0)  # let the other request come between
        seen.append(current_request_id())
        await answer_with_ip(scope, receive, send)

    application = RequestContextMiddleware(note, trusted_proxies=())
    ids = ["request-0001", "request-0002"]
    await asyncio.gather(*(get(application, "192.0.2.1", {"X-Request-ID": request_id}) for request_id in ids))
    assert seen == ids
    assert current_request_id() is None


async def test_every_request_without_an_id_gets_one_of_its_own() -> None:
    first, second = await get(app(), "192.0.2.1"), await get(app(), "192.0.2.1")
    assert first.headers["X-Request-ID"] != second.headers["X-Request-ID"]
