"""Opening and closing the service's parts, in order; each that was opened is closed, whatever fails."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from photo_api.background import every
from photo_api.components import Components
from photo_api.database import StatementFailed
from photo_api.errors import Unavailable

_log = structlog.get_logger("photo_api.lifespan")


@asynccontextmanager
async def opened(components: Components) -> AsyncIterator[None]:
    """Open every part, run the background tasks, be ready; at the end the reverse."""
    settings = components.settings
    async with AsyncExitStack() as stack:
        for part in (
            components.logs,
            components.database,
            components.storage,
            components.delivery,
            components.passwords,
            components.verifier,
            components.rate_limiter,
        ):
            stack.push_async_callback(part.close)  # also of a part that opened only halfway
            await part.open()
        stack.push_async_callback(_store_last_views, components)
        await components.business_metrics.publish()
        for name, seconds, task in (
            ("business metrics", settings.business_metrics_interval_seconds, components.business_metrics.publish),
            ("pending photos", settings.reaper_interval_seconds, components.photos.reap),
            ("expired share links", settings.reaper_interval_seconds, components.share_links.close_expired),
            ("refresh tokens", settings.reaper_interval_seconds, components.accounts.reap),
        ):
            await stack.enter_async_context(every(seconds, name, task))
        await stack.enter_async_context(components.health.watching())
        components.health.set_ready()
        try:
            yield
        finally:
            components.health.set_stopping()


async def _store_last_views(components: Components) -> None:
    """Views are worth a try at the end, not a failed shutdown."""
    try:
        await components.share_links.store_views()
    except (Unavailable, StatementFailed) as error:
        _log.warning("views_lost", views=components.share_links.views_waiting, reason=str(error))
