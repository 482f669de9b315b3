"""Tokens of Swift: kept, renewed in time, asked for once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from tests.support.clock import Clock
from tests.support.identity import RunningIdentity, running_identity, served
from tests.support.samples import sample
from tests.support.swift import Swift

from photo_api.config import ConfigurationError, Settings
from photo_api.external.calls import ExternalCalls
from photo_api.external.errors import ServiceAway
from photo_api.ids import new_id
from photo_api.storage.swift import SwiftStorage
from photo_api.storage.swift_token import CredentialsRefused, SwiftTokens
from photo_metrics import Recorder

Open = Callable[..., Any]


@pytest.fixture
async def identity(swift_server: Swift) -> AsyncIterator[RunningIdentity]:
    async with running_identity(swift_server) as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def open_tokens(tmp_path: Path, recorder: Recorder, clock: Clock) -> AsyncIterator[Open]:
    """Makes the tokens of a service with these settings."""
    async with AsyncExitStack() as stack:

        async def opened(**values: Any) -> SwiftTokens:
            settings = Settings(data_dir=tmp_path, **values)
            calls = ExternalCalls("object_storage", settings, recorder, timeout_seconds=5)
            stack.push_async_callback(calls.close)
            await calls.open()
            tokens = SwiftTokens(settings, calls, clock=clock)
            stack.push_async_callback(tokens.close)
            return tokens

        yield opened


@pytest.fixture
def asked(recorder: Recorder) -> Callable[[], float]:
    """How often a token was asked for."""
    return lambda: (
        sample(
            recorder,
            "photo_api_external_operation_duration_seconds_count",
            service="object_storage",
            operation="token",
        )
        or 0
    )


async def renewal() -> None:
    """Wait for the end of the one that is under way."""
    await asyncio.wait([task for task in asyncio.all_tasks() if task.get_name() == "swift token"], timeout=10)


async def test_objects_are_stored_with_tokens_of_identity_v2(
    tmp_path: Path, recorder: Recorder, identity: RunningIdentity
) -> None:
    async def content() -> AsyncIterator[bytes]:
        yield b"content"

    storage = SwiftStorage(Settings(data_dir=tmp_path, **identity.settings()), recorder)
    await storage.open()
    stored = await storage.store(new_id(), "image/jpeg", 100, content())
    assert await storage.head_upload(stored.key) == stored
    await storage.close()


async def test_a_token_is_used_until_a_minute_before_its_end(
    open_tokens: Open, identity: RunningIdentity, clock: Clock, asked: Callable[[], float]
) -> None:
    tokens = await open_tokens(**identity.settings())  # which live for ten minutes
    await tokens.current()
    clock.now = 530
    await tokens.current()
    assert asked() == 1
    clock.now = 541
    await tokens.current()
    await renewal()
    assert asked() == 2


async def test_a_token_of_tempauth_is_used_until_a_minute_before_its_end(
    open_tokens: Open, identity: RunningIdentity, clock: Clock, asked: Callable[[], float]
) -> None:
    swift = identity.swift
    tokens = await open_tokens(
        **identity.settings(swift_auth_url=swift.auth_url, swift_username="photos:photo-api", swift_tenant_id=None)
    )
    token = await tokens.current()
    assert token.storage_url == swift.storage_url
    clock.now = token.old_at - 1
    await tokens.current()
    assert asked() == 1
    clock.now = token.old_at
    await tokens.current()
    await renewal()
    assert asked() == 2


async def test_a_short_life_is_used_but_for_a_fifth(open_tokens: Open, swift_server: Swift) -> None:
    async with running_identity(swift_server, token_seconds=30) as identity:
        tokens = await open_tokens(**identity.settings())
        assert 20 < (await tokens.current()).old_at <= 24


async def test_an_old_token_serves_to_its_end_while_no_new_one_is_to_be_had(
    open_tokens: Open, identity: RunningIdentity, clock: Clock, asked: Callable[[], float]
) -> None:
    tokens = await open_tokens(**identity.settings())
    token = await tokens.current()
    await identity.fault(status=403)
    clock.now = token.old_at
    assert [await tokens.current() for _ in range(3)] == [token] * 3
    await renewal()
    assert asked() == 2
    clock.now = token.ends_at - 0.1
    assert await tokens.current() == token
    clock.now = token.ends_at + 10
    with pytest.raises(CredentialsRefused):
        await tokens.current()


async def test_a_new_token_that_storage_does_not_take_is_not_followed_by_another_at_once(
    open_tokens: Open, identity: RunningIdentity, clock: Clock, asked: Callable[[], float]
) -> None:
    tokens = await open_tokens(**identity.settings())
    for now, expected in ((0.0, 1), (4.9, 1), (5.1, 2)):
        clock.now = now
        with suppress(CredentialsRefused):
            tokens.answered(await tokens.current(), 401)
        assert asked() == expected


async def test_many_who_need_a_token_at_once_ask_once(
    open_tokens: Open, identity: RunningIdentity, asked: Callable[[], float]
) -> None:
    tokens = await open_tokens(**identity.settings())
    given = await asyncio.gather(*(tokens.current() for _ in range(50)))
    assert len({token.id for token in given}) == 1
    assert asked() == 1


async def test_who_asked_first_may_leave(open_tokens: Open, identity: RunningIdentity) -> None:
    tokens = await open_tokens(**identity.settings())
    first = asyncio.create_task(tokens.current())
    second = asyncio.create_task(tokens.current())
    await asyncio.sleep(0)
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    assert (await second).id


async def test_a_token_that_was_refused_is_renewed_once_for_all(
    open_tokens: Open, identity: RunningIdentity, asked: Callable[[], float]
) -> None:
    tokens = await open_tokens(**identity.settings())
    token = await tokens.current()
    tokens.answered(token, 200)
    for _ in range(10):
        tokens.answered(token, 401)
        await tokens.current()
    assert asked() == 2


async def test_refused_credentials_are_not_tried_again_at_once(
    open_tokens: Open, identity: RunningIdentity, clock: Clock, asked: Callable[[], float]
) -> None:
    tokens = await open_tokens(**identity.settings(swift_password="not-the-password"))
    for now, expected in ((0.0, 1), (4.9, 1), (5.1, 2)):
        clock.now = now
        with pytest.raises(CredentialsRefused) as raised:
            await tokens.current()
        assert asked() == expected
    assert "not-the-password" not in f"{raised.value!r} {raised.value.reason}"


async def test_an_identity_service_that_fails_is_away_until_it_works(
    open_tokens: Open, identity: RunningIdentity
) -> None:
    tokens = await open_tokens(**identity.settings(breaker_failures=100))
    await identity.fault(status=503)
    with pytest.raises(ServiceAway):
        await tokens.current()
    await identity.fault()
    assert (await tokens.current()).id


@pytest.mark.parametrize(
    "answer",
    [
        b"no JSON",
        b"[]",
        b'{"access": {}}',
        b'{"access": {"token": {"id": "a", "expires": "soon"}}}',
        b'{"access": {"token": {"id": "a\\nb", "expires": "2100-01-01T00:00:00Z"}}}',
    ],
)
async def test_an_answer_that_cannot_be_read_is_no_token(
    open_tokens: Open, identity: RunningIdentity, answer: bytes
) -> None:
    async def tokens_page(_: web.Request) -> web.Response:
        return web.Response(body=answer)

    application = web.Application()
    application.add_routes([web.post("/v2.0/tokens", tokens_page)])
    async with served(application) as url:
        tokens = await open_tokens(**identity.settings(swift_auth_url=f"{url}/v2.0"))
        with pytest.raises(ServiceAway, match="cannot be read"):
            await tokens.current()


async def test_a_storage_url_that_nobody_says_is_asked_for_by_name(
    tmp_path: Path, recorder: Recorder, identity: RunningIdentity
) -> None:
    storage = SwiftStorage(Settings(data_dir=tmp_path, **identity.settings(swift_storage_url=None)), recorder)
    with pytest.raises(ConfigurationError, match="PHOTO_API_SWIFT_STORAGE_URL"):
        await storage.open()
    await storage.close()


async def test_no_token_or_password_is_in_what_is_printed_of_tokens(
    open_tokens: Open, identity: RunningIdentity
) -> None:
    tokens = await open_tokens(**identity.settings())
    token = await tokens.current()
    assert token.id not in f"{token!r} {tokens!r}"
