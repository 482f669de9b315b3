"""How many series one instance may publish after load, with thirty routes and with everything bounded at its limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from photo_metrics import BusinessTotals, RouteTable

if TYPE_CHECKING:
    from tests.support.clock import Clock

    from photo_metrics import Recorder

    from .conftest import Page

BUDGET = 1_500
ROUTES = 30


def _routes() -> RouteTable:
    app = FastAPI()

    async def endpoint() -> None: ...

    for number in range(ROUTES):
        app.add_api_route(f"/things{number}/{{thing_id}}", endpoint, methods=["POST" if number % 3 == 0 else "GET"])
    return RouteTable.from_fastapi(app)


def _load(recorder: Recorder, clock: Clock, *, clients: int, users: int) -> None:
    routes = _routes()
    recorder.declare_routes(routes)
    for number, route in enumerate(routes.declared()):
        recorder.http.record(route.method, route.template, 200, 0.01)
        if number % 3 == 0:
            recorder.http.record(route.method, route.template, 404, 0.01)
    recorder.http.record("GET", "none", 404, 0.01)
    recorder.http.record("POST", next(routes.declared()).template, 429, 0.01)
    recorder.business_totals(
        BusinessTotals(
            users=users,
            users_active=users,
            albums=1,
            albums_shared=1,
            photos=1,
            share_links=1,
            share_links_active=1,
            object_storage_bytes=10**12,
            largest_users=[(f"large-{number}", 10**9) for number in range(users)],
        ),
        at=clock.now,
    )
    endpoint = next(routes.declared()).template
    for _ in range(2):
        for number in range(clients):
            for _ in range(60):
                recorder.rate_limit_checked(endpoint, allowed=False, client_id=f"10.0.{number}.0/24")
        for number in range(users):
            recorder.photo_confirmed(f"user-{number}", 10**9)
        clock.now += 60


def test_a_loaded_instance_stays_within_its_budget(recorder: Recorder, page: Page, clock: Clock) -> None:
    _load(recorder, clock, clients=20, users=20)
    assert len(page.samples()) <= BUDGET


def test_a_flood_of_clients_and_users_adds_only_what_the_limits_allow(
    recorder: Recorder, page: Page, clock: Clock
) -> None:
    _load(recorder, clock, clients=1_000, users=1_000)
    assert len(page.label_values("photo_api_rate_limit_hits_total", "client_id")) == 200 + 1
    for name in ("photo_api_photo_upload_size_total_bytes", "photo_api_object_storage_usage_by_user_bytes"):
        assert len(page.label_values(name, "user_id")) == 100 + 1
    assert len(page.label_values("photo_api_photo_upload_last_hour_bytes", "user_id")) == 100


def test_the_recorder_counts_its_series_as_a_scrape_would(recorder: Recorder, page: Page) -> None:
    assert recorder.registry.series_count() - 6 == len(page.samples())
