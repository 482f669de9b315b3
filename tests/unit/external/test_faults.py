"""The faults that a local server can be told."""

import time
from typing import Any

import aiohttp
import pytest

from .conftest import Service


async def ask(service: Service) -> int:
    async with aiohttp.ClientSession() as session, session.get(service.url + "/photo") as answer:
        return answer.status


async def test_answers_are_delayed(service: Service) -> None:
    await service.fault(latency_seconds=0.2)
    started = time.monotonic()
    assert await ask(service) == 200
    assert time.monotonic() - started >= 0.2


async def test_answers_become_a_status(service: Service) -> None:
    await service.fault(status=507)
    assert await ask(service) == 507


async def test_a_share_of_the_requests_is_spared(service: Service) -> None:
    await service.fault(status=500, share=0.5)
    assert {await ask(service) for _ in range(40)} == {200, 500}


async def test_ending_the_faults_ends_them(service: Service) -> None:
    await service.fault(status=500)
    await service.fault()
    assert await ask(service) == 200


async def test_the_faults_are_shown(service: Service) -> None:
    await service.fault(reset=True)
    async with aiohttp.ClientSession() as session, session.get(service.url + "/-/faults") as answer:
        shown = await answer.json()
    assert shown == {"latency_seconds": 0.0, "status": None, "share": 1.0, "reset": True, "hang": False}


@pytest.mark.parametrize("faults", [{"status": 200}, {"share": 2}, {"latency_seconds": -1}, {"unknown": 1}])
async def test_nonsense_is_refused(service: Service, faults: dict[str, Any]) -> None:
    assert await service.fault(**faults) == 400
    assert await ask(service) == 200
