"""Tasks that run again and again beside the requests; one failure is logged and the next turn tries again."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import structlog

from photo_api.errors import Unavailable

_log = structlog.get_logger("photo_api.background")


@asynccontextmanager
async def every(seconds: float, name: str, task: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Run ``task`` every ``seconds`` (spread by 10 %, so that instances do not act at once) while the block lasts."""

    async def run() -> None:
        while True:
            await asyncio.sleep(seconds * random.uniform(0.9, 1.0))  # noqa: S311 - no secret depends on it
            try:
                await task()
            except Unavailable as error:
                _log.warning("background_task_postponed", task=name, reason=error.detail)
            except Exception:  # noqa: BLE001 - one turn that fails must not end the task; it is logged whole
                _log.exception("background_task_failed", task=name)

    running = asyncio.create_task(run(), name=name)
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
