"""Another FastAPI service adopts catalog and middleware, without ours and without a database."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import httpx
from fastapi import APIRouter, FastAPI

import photo_metrics
from photo_metrics import InstrumentationMiddleware, Recorder, RouteTable, metrics_app


def _ticket_office() -> tuple[FastAPI, InstrumentationMiddleware, Recorder]:
    """The example: a service of its own, instrumented in two statements."""
    tickets = APIRouter(prefix="/tickets")

    @tickets.get("/{ticket_id}")
    async def read(ticket_id: int) -> dict[str, int]:
        with recorder.external_request("log_service", operation="send"):
            return {"id": ticket_id}

    app = FastAPI(title="Ticket office")
    app.include_router(tickets)

    recorder = Recorder(app="ticket-office", version="3.2.1", environment="staging", node="till-1")
    instrumented = InstrumentationMiddleware(app, recorder=recorder, routes=RouteTable.from_fastapi(app))
    return app, instrumented, recorder


async def test_the_example_service_is_measured() -> None:
    app, instrumented, recorder = _ticket_office()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(instrumented), base_url="http://tickets") as client:
        assert (await client.get("/tickets/7")).json() == {"id": 7}
        assert (await client.get("/tickets/seven")).status_code == 422
    async with httpx.AsyncClient(transport=httpx.ASGITransport(metrics_app(recorder)), base_url="http://m") as client:
        page = (await client.get("/metrics")).text
    assert 'photo_api_app_info{node="till-1",app="ticket-office",version="3.2.1",environment="staging"} 1.0' in page
    assert 'http_requests_total{method="GET",handler="/tickets/{ticket_id}",status="200"} 1.0' in page
    assert 'http_requests_total{method="GET",handler="/tickets/{ticket_id}",status="422"} 1.0' in page
    assert 'photo_api_external_request_duration_seconds_count{service="log_service"} 1' in page
    handlers = RouteTable.from_fastapi(app).templates
    assert handlers == {*app.openapi()["paths"], "none", "OTHER"}


def test_importing_the_package_imports_the_standard_library_only() -> None:
    program = (
        "import sys; before = set(sys.modules); import photo_metrics, photo_metrics.reference\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new - sys.stdlib_module_names))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.strip() == "['photo_metrics']"


def test_the_machinery_does_not_import_the_catalog() -> None:
    package = Path(photo_metrics.__file__).parent
    importing = {path.stem for path in package.glob("*.py") if "catalog" in _imports(path)}
    assert importing == {"recorder", "business", "reference"}


def _imports(path: Path) -> set[str]:
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    return {part for node in nodes for part in (node.module or "").split(".") + [alias.name for alias in node.names]}
