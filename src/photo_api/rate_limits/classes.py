"""Which limit a route falls under: decided from its template, once."""

from enum import StrEnum
from typing import Final

from photo_api.config import Settings


class RouteClass(StrEnum):
    """Routes that share one limit a client."""

    AUTH = "auth"
    """Where credentials are tried or made: login, register, refresh. ``/auth/me`` and ``/auth/logout`` are not."""
    SHARE = "share"
    """Views of share links, where tokens and passwords of links can be guessed."""
    IMAGE = "image"
    """Pictures, one's own and shared: a page shows a hundred of them."""
    DEFAULT = "default"
    """Everything else: the embedded store's uploads, the documentation, paths that match no route."""


_CREDENTIALS: Final = frozenset({"/auth/login", "/auth/register", "/auth/refresh"})


def route_class(template: str) -> RouteClass | None:
    """The class of a route template (or ``none``, where nothing matched); ``None`` is never limited: health checks."""
    if template == "/health" or template.startswith("/health/"):
        return None
    if template in _CREDENTIALS:
        return RouteClass.AUTH
    if template.endswith("/image"):
        return RouteClass.IMAGE
    if template.startswith("/share/"):
        return RouteClass.SHARE
    return RouteClass.DEFAULT


def limits_per_minute(settings: Settings) -> dict[RouteClass, int]:
    """Requests a minute that a client may make, by class."""
    return {
        RouteClass.AUTH: settings.rate_limit_auth_per_minute,
        RouteClass.SHARE: settings.rate_limit_share_per_minute,
        RouteClass.IMAGE: settings.rate_limit_image_per_minute,
        RouteClass.DEFAULT: settings.rate_limit_default_per_minute,
    }
