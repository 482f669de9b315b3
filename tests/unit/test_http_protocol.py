"""uvicorn with our connections, where the real command would need thousands of clients."""

import asyncio
import socket

import httpx
import uvicorn
from starlette.responses import PlainTextResponse

from photo_api.http_protocol import BoundedHttpProtocol


async def test_more_connections_than_are_served_are_answered_503_as_a_problem() -> None:
    config = uvicorn.Config(
        PlainTextResponse("never reached"),
        http=BoundedHttpProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        limit_concurrency=1,  # a connection counts itself
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        async with httpx.AsyncClient(timeout=20) as client:
            answer = await client.get(f"http://127.0.0.1:{port}/")
        server.should_exit = True
        await serving
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
    assert answer.headers["Retry-After"] == "2"
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
    assert answer.json()["detail"] == "Too many connections are open; try again soon."
