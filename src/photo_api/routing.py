"""From a request to its route without detours (ADR 0011).

FastAPI tries route after route, and solves dependencies generically at each request; together that costs more than a
hot read's own work. Here the route is looked up under the template that the instrumentation has resolved already, and a
route without a body, which asks for nothing but the user, the services and validated parameters, is called directly.
Declarations, validation and the OpenAPI description stay FastAPI's own.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute, APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from photo_api.dependencies import authenticated, components_of, is_bearer
from photo_metrics import HANDLER_KEY

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_Source = Callable[[Request], Awaitable[object]]


class DirectRoute(APIRoute):
    """A route whose endpoint is called directly where nothing of FastAPI's solver is needed; else as usual."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - FastAPI's own many parameters
        super().__init__(*arguments, **options)
        handler = _direct_handler(self)
        if handler is not None:
            self.app = _application(handler)


def _direct_handler(route: APIRoute) -> Handler | None:
    """Call the endpoint as FastAPI would; ``None`` where it needs more than this module knows."""
    dependant = route.dependant
    if route.body_field is not None or dependant.cookie_params or dependant.response_param_name is not None:
        return None
    needs_user: list[str] = []
    needs_services: list[str] = []
    for needed in dependant.dependencies:
        if needed.name is None:
            return None
        if needed.call is components_of:
            needs_services.append(needed.name)
        elif is_bearer(needed.call):
            needs_user.append(needed.name)
        else:
            return None
    return _handler(dependant, needs_user, needs_services)


def _handler(dependant: Dependant, needs_user: list[str], needs_services: list[str]) -> Handler:
    endpoint: Callable[..., Awaitable[Response]] = dependant.call  # type: ignore[assignment]  # a coroutine function
    path, query, headers = dependant.path_params, dependant.query_params, dependant.header_params
    request_name = dependant.request_param_name
    without_query = {field.name: field.get_default() for field in query}
    query_is_optional = not any(field.field_info.is_required() for field in query)

    async def handle(request: Request) -> Response:
        scope = request.scope
        values: dict[str, Any] = {}
        errors: list[Any] = []
        for name in needs_user:
            values[name] = authenticated(request)
        for name in needs_services:
            values[name] = scope["app"].state.components
        if request_name is not None:
            values[request_name] = request
        if path:
            found, wrong = request_params_to_args(path, scope["path_params"])
            values.update(found)
            errors += wrong
        if query:
            if query_is_optional and not scope["query_string"]:
                values.update(without_query)
            else:
                found, wrong = request_params_to_args(query, request.query_params)
                values.update(found)
                errors += wrong
        if headers:
            found, wrong = request_params_to_args(headers, request.headers)
            values.update(found)
            errors += wrong
        if errors:
            raise RequestValidationError(errors)
        return await endpoint(**values)

    return handle


def _application(handler: Handler) -> ASGIApp:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        response = await handler(Request(scope, receive, send))
        await response(scope, receive, send)

    return serve


class _Dispatch:
    """Hands a request to the route under its template; whatever is not found there goes through the router."""

    def __init__(self, router: APIRouter) -> None:
        self._fallback = router.middleware_stack
        self._routes: Final = {
            (method, route.path_format): route
            for route in reversed(router.routes)  # of two with one template, the first wins
            if isinstance(route, APIRoute)
            for method in route.methods or ()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and not scope.get("root_path"):
            route = self._routes.get((scope["method"], scope.get(HANDLER_KEY, "")))
            match = route and route.path_regex.match(scope["path"])
            if route and match:
                scope["path_params"] = match.groupdict()
                scope["endpoint"] = route.endpoint
                scope["route"] = route
                await route.app(scope, receive, send)
                return
        await self._fallback(scope, receive, send)


def install_routes(app: FastAPI, *routers: APIRouter) -> None:
    """Add the routers' routes to ``app`` itself, flat, and dispatch by template.

    All path parameters are text: a convertor would not be applied.
    """
    for router in routers:
        app.router.routes.extend(router.routes)
    app.router.middleware_stack = _Dispatch(app.router)
