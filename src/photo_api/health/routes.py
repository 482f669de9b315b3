"""Health checks, for the load balancer (``/health``, ``/health/ready``) and a supervisor (``/health/live``).

No I/O and no dependency injection here: a load balancer asks every second, and asks most when things are slow.
"""

from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from photo_api.context import context_of
from photo_api.errors import PROBLEM_JSON, Problem, Unavailable, problem_response
from photo_api.health.schemas import HealthReport, Liveness
from photo_api.routing import DirectRoute

if TYPE_CHECKING:
    from photo_api.health.state import Health

router = APIRouter(route_class=DirectRoute, tags=["health"])

_NO_STORE: Final = {"Cache-Control": "no-store"}
_ALIVE: Final = b'{"status":"ok"}'
_NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {
        "description": "Not ready: starting, draining, stopping, schema_behind or loop_stalled, as detail says",
        "model": Problem,
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


def _answer(request: Request) -> Response:
    health: Health = request.app.state.components.health
    if health.ready:
        return Response(health.ready_body, 200, _NO_STORE, "application/json")
    request_id = context_of(request.scope).request_id
    return problem_response(503, Unavailable.title, ", ".join(health.faults), request_id, headers=_NO_STORE)


@router.get("/health", response_model=HealthReport, responses=_NOT_READY, summary="Whether this instance wants traffic")
async def health(request: Request) -> Response:
    """200 where ready, also when a shared dependency is away; 503 only for what is this instance's own."""
    return _answer(request)


@router.get("/health/ready", response_model=HealthReport, responses=_NOT_READY, summary="The same as /health")
async def ready(request: Request) -> Response:
    """200 where ready, else 503."""
    return _answer(request)


@router.get("/health/live", response_model=Liveness, summary="Whether this process answers")
async def live() -> Response:
    """Always 200, also while draining: a supervisor that kills on failure must not cut a drain short."""
    return Response(_ALIVE, 200, _NO_STORE, "application/json")
