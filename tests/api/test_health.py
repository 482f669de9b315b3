"""The health routes through the whole service."""

from tests.support.service import Service, Start


async def test_a_started_service_is_ready_and_lists_its_dependencies(service: Service) -> None:
    for path in ("/health", "/health/ready"):
        answer = await service.client.get(path)
        assert answer.status_code == 200
        assert answer.json() == {
            "status": "ok",
            "dependencies": {"database": "up", "object_storage": "up", "log_service": "up"},
        }
        assert answer.headers["Cache-Control"] == "no-store"
    assert await service.metric("photo_api_ready") == 1
    assert await service.metric("photo_api_dependency_up", dependency="object_storage") == 1


async def test_a_drain_is_503_with_its_reason_and_alive(service: Service) -> None:
    service.components.health.start_draining(1234.0)
    for path in ("/health", "/health/ready"):
        answer = await service.client.get(path)
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"] == "draining"
        assert answer.headers["Cache-Control"] == "no-store"
    assert (await service.client.get("/health/live")).json() == {"status": "ok"}
    assert await service.metric("photo_api_ready") == 0


async def test_the_metrics_page_is_not_on_the_api_port(service: Service) -> None:
    assert (await service.client.get("/metrics")).status_code == 404


async def test_the_end_of_the_lifespan_is_not_ready(start: Start) -> None:
    async with start() as service:
        health = service.components.health
        assert health.ready
    assert health.faults == ("stopping",)


async def test_other_methods_are_refused(service: Service) -> None:
    assert (await service.client.post("/health")).status_code == 405


async def test_both_answers_are_described(service: Service) -> None:
    paths = (await service.client.get("/openapi.json")).json()["paths"]
    assert set(paths["/health"]["get"]["responses"]) == {"200", "503"}
    assert "application/problem+json" in paths["/health"]["get"]["responses"]["503"]["content"]
    assert set(paths["/health/live"]["get"]["responses"]) == {"200"}
