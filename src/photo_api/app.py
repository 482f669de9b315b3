"""The application: routes, error handlers, and the middlewares around them, outermost last."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from photo_api.accounts.middleware import AuthenticationMiddleware
from photo_api.accounts.routes import router as accounts
from photo_api.albums.routes import router as albums
from photo_api.bodies import BodyLimitMiddleware
from photo_api.components import Components, build_components
from photo_api.config import Settings
from photo_api.context import RequestContextMiddleware
from photo_api.errors import install_error_handlers
from photo_api.health.routes import router as health
from photo_api.lifespan import opened
from photo_api.logs.access import AccessLogMiddleware
from photo_api.openapi import install_openapi
from photo_api.photos.routes import router as photos
from photo_api.rate_limits.middleware import RATE_LIMIT_HEADERS, RateLimitMiddleware
from photo_api.routing import install_routes
from photo_api.share_links.routes import router as share_links
from photo_api.storage.routes import router as storage
from photo_api.unhandled import UnhandledErrorMiddleware
from photo_metrics import InstrumentationMiddleware, Recorder, RouteTable

VERSION = version("photo-api")


def new_recorder(settings: Settings, node: str) -> Recorder:
    """The recorder of an instance; ``node`` names it where the settings do not."""
    return Recorder(
        app="photo-api",
        version=VERSION,
        environment=settings.environment.value,
        node=settings.node or node,
        scrape_interval_seconds=settings.scrape_interval_seconds,
    )


def create_app(settings: Settings, recorder: Recorder | None = None) -> FastAPI:
    """The service as an ASGI application; its parts are on ``app.state.components``.

    Raises:
        ConfigurationError: a secret is missing or cannot be made.
    """
    recorder = recorder or new_recorder(settings, "local")
    components = build_components(settings, recorder)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with opened(components):
            yield

    app = FastAPI(title="Photo API", version=VERSION, lifespan=lifespan, redirect_slashes=False)
    app.state.components = components
    install_routes(app, health, photos, share_links, storage, albums, accounts)
    install_error_handlers(app)
    install_openapi(app)
    _add_middlewares(app, components)
    return app


def _add_middlewares(app: FastAPI, components: Components) -> None:
    """Each is pure ASGI. Innermost first: what is added last sees a request first."""
    settings, recorder = components.settings, components.recorder
    app.add_middleware(BodyLimitMiddleware)
    app.add_middleware(RateLimitMiddleware, limiter=components.rate_limiter)
    app.add_middleware(AuthenticationMiddleware, tokens=components.access_tokens, recorder=recorder)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "X-Share-Password", "X-Request-ID"],
            expose_headers=["ETag", "X-Request-ID", "Retry-After", *RATE_LIMIT_HEADERS],
        )
    app.add_middleware(UnhandledErrorMiddleware, recorder=recorder)
    app.add_middleware(InstrumentationMiddleware, recorder=recorder, routes=RouteTable.from_fastapi(app))
    if settings.access_log != "off":
        app.add_middleware(AccessLogMiddleware, log_all=settings.access_log == "all")
    app.add_middleware(RequestContextMiddleware, trusted_proxies=settings.trusted_proxies)
