"""Opening and closing the service's parts, in order; each that was opened is closed, whatever fails."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from photo_api.background import every
from photo_api.components import Components


@asynccontextmanager
async def opened(components: Components) -> AsyncIterator[None]:
    """Open every part, run the background tasks, be ready; at the end the reverse."""
    settings = components.settings
    async with AsyncExitStack() as stack:
        for part in (
            components.logs,
            components.database,
            components.storage,
            components.passwords,
            components.verifier,
            components.rate_limiter,
        ):
            await part.open()
            stack.push_async_callback(part.close)
        stack.push_async_callback(components.share_links.store_views)
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
