"""The local identity service keeps to the contract of NHN Cloud's."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from aiohttp import web
from tests.support.identity import RunningIdentity, running_identity, served
from tests.support.swift import TENANT, USERNAME, Swift

from photo_stack.providers.identity import Identity


@pytest.fixture
async def identity(swift_server: Swift) -> AsyncIterator[RunningIdentity]:
    async with running_identity(swift_server, token_seconds=30) as running:
        yield running


def body(password: str, tenant: str = TENANT, username: str = USERNAME) -> dict[str, Any]:
    return {"auth": {"tenantId": tenant, "passwordCredentials": {"username": username, "password": password}}}


async def ask(identity: RunningIdentity, content: Any) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.post(f"{identity.url}/v2.0/tokens", json=content)


async def test_its_token_opens_the_tenants_storage(identity: RunningIdentity) -> None:
    access = (await ask(identity, body(identity.swift.password))).json()["access"]
    async with httpx.AsyncClient() as client:
        answer = await client.get(identity.swift.storage_url, headers={"X-Auth-Token": access["token"]["id"]})
    assert answer.is_success
    assert access["token"]["tenant"]["id"] == TENANT


async def test_its_tokens_end_as_early_as_it_was_told(identity: RunningIdentity) -> None:
    token = (await ask(identity, body(identity.swift.password))).json()["access"]["token"]
    assert 0 < (datetime.fromisoformat(token["expires"]) - datetime.now(UTC)).total_seconds() <= 30


@pytest.mark.parametrize("wrong", [{"password": "not-it"}, {"tenant": "others"}, {"username": "nobody"}])
async def test_what_is_wrong_gets_no_token(identity: RunningIdentity, wrong: dict[str, str]) -> None:
    answer = await ask(identity, body(**{"password": identity.swift.password} | wrong))
    assert answer.status_code == 401
    assert identity.swift.password not in answer.text


async def test_a_swift_in_trouble_is_no_wrong_password(swift_server: Swift) -> None:
    async def busy(_: web.Request) -> web.Response:
        return web.Response(status=503)

    application = web.Application()
    application.add_routes([web.get("/auth/v1.0", busy)])
    async with served(application) as url, served(Identity(url, 60).application()) as identity_url:
        answer = await ask(RunningIdentity(identity_url, swift_server), body("password"))
    assert (answer.status_code, answer.json()["error"]["message"]) == (502, "Swift answers 503")


@pytest.mark.parametrize("content", [{}, [], {"auth": {}}, body(""), body("with\nnewline"), body("p") | {"more": 1}])
async def test_a_body_that_is_none_of_the_contracts_is_400(identity: RunningIdentity, content: Any) -> None:
    assert (await ask(identity, content)).status_code == 400
