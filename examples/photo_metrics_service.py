"""A service of one's own with `photo_metrics`: the middleware, the recorder's verbs where things happen, the page.

    uvicorn --app-dir examples photo_metrics_service:service --port 8011
    photo-monitoring doctor --metrics http://127.0.0.1:8011/metrics --lang en

What `doctor` says of it: everything that this service does is watched; silent is what it has no part of (uploads, share
links, services that it does not use). See docs/adopt.md.
"""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Body, FastAPI, HTTPException, Response

from photo_metrics import BusinessTotals, InstrumentationMiddleware, Recorder, RouteTable, metrics_app
from photo_metrics.asgi import Receive, Scope, Send

PICTURES = {1: b"a picture", 2: b"another picture"}

# One process is one instance: each needs a metrics port of its own, so run it with one worker.
recorder = Recorder(app="example", version="1.0", environment="development", node=os.uname().nodename)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Say what is known from the start, and be ready until the end."""
    recorder.dependency_up("database", up=True)
    recorder.collect_log_queue_size(lambda: 0)
    recorder.business_totals(
        BusinessTotals(
            users=1,
            users_active=1,
            albums=0,
            albums_shared=0,
            photos=len(PICTURES),
            share_links=0,
            share_links_active=0,
            object_storage_bytes=sum(map(len, PICTURES.values())),
        ),
        at=time.time(),
    )
    recorder.set_ready(True)
    yield
    recorder.set_ready(False)


api = FastAPI(title="An example with photo_metrics", lifespan=lifespan)


@api.get("/items/{item_id}")
async def item(item_id: int) -> dict[str, int]:
    """An item, 404 for those that are not there, and a fault (500) at 0."""
    if item_id > 100:
        raise HTTPException(404)
    return {"item_id": item_id, "share": 100 // item_id}


@api.post("/auth/login")
async def login(phrase: Annotated[str, Body(embed=True)]) -> dict[str, str]:
    """A login: 401 for every phrase but one."""
    began = time.perf_counter()
    correct = phrase == "open sesame"
    recorder.login(result="success" if correct else "failure", seconds=time.perf_counter() - began)
    if not correct:
        raise HTTPException(401)
    return {"token": "example"}


@api.get("/photos/{photo_id}/image")
async def image(photo_id: int) -> Response:
    """A picture; who asks for one that is not there is denied it."""
    began = time.perf_counter()
    content = PICTURES.get(photo_id)
    recorder.image_access(
        access_type="authenticated",
        result="denied" if content is None else "success",
        seconds=time.perf_counter() - began,
    )
    if content is None:
        raise HTTPException(404)
    return Response(content, media_type="image/png")


_instrumented = InstrumentationMiddleware(api, recorder=recorder, routes=RouteTable.from_fastapi(api))
_page = metrics_app(recorder)


async def service(scope: Scope, receive: Receive, send: Send) -> None:
    """The application, and its metrics beside it at /metrics."""
    metrics = scope["type"] == "http" and scope["path"] == "/metrics"
    await (_page if metrics else _instrumented)(scope, receive, send)
