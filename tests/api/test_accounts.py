"""Accounts through the whole service."""

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import jwt
import pytest
from tests.support.service import PASSWORD, Service, Start

from photo_api.accounts.administration import disable_user
from photo_api.accounts.tokens import AUDIENCE, ISSUER, PURPOSE
from photo_api.passwords import PasswordHasher

ACCOUNT = {"email": "mina@example.com", "username": "mina", "password": PASSWORD}


async def login(service: Service, **changes: str) -> httpx.Response:
    credentials = {"email": ACCOUNT["email"], "password": PASSWORD} | changes
    return await service.client.post("/auth/login", json=credentials)


async def logins(service: Service, result: str) -> float:
    return await service.metric("photo_api_login_duration_seconds_count", result=result)


def access_token(service: Service, **changes: Any) -> str:
    """A token signed with the service's own key; valid but for ``changes``."""
    key = service.components.secrets.derive(PURPOSE)
    assert key is not None
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "user", "fam": "family", "iat": now, "exp": now + 60} | changes
    return jwt.encode(claims, key, "HS256", headers={"kid": "1"})


async def test_registering_answers_with_the_account_and_without_the_password(service: Service) -> None:
    answer = await service.client.post("/auth/register", json=ACCOUNT | {"email": "Mina@Example.com"})
    assert answer.status_code == 201
    account = answer.json()
    assert (account["email"], account["username"]) == ("mina@example.com", "mina")
    assert account["created_at"].endswith("Z")
    assert PASSWORD not in answer.text
    assert "argon2" not in answer.text


async def test_registering_moves_the_number_of_users_at_once(service: Service) -> None:
    await service.client.post("/auth/register", json=ACCOUNT)
    assert await service.metric("photo_api_users_total", status="total") == 1
    assert await service.metric("photo_api_users_total", status="active") == 0


async def test_the_published_totals_know_who_is_active(service: Service) -> None:
    for name in ("mina", "juno"):
        await service.register(name)
    await service.client.post("/auth/register", json=ACCOUNT | {"email": "new@example.com", "username": "new"})
    await disable_user(service.components.database, "juno@example.com")
    await service.components.business_metrics.publish()
    assert await service.metric("photo_api_users_total", status="total") == 3
    assert await service.metric("photo_api_users_total", status="active") == 1


@pytest.mark.parametrize(
    "changes", [{"username": "other"}, {"email": "other@example.com"}, {"email": "MINA@example.com"}]
)
async def test_a_taken_address_or_name_is_409_and_reads_the_same(service: Service, changes: dict[str, str]) -> None:
    await service.client.post("/auth/register", json=ACCOUNT)
    answer = await service.client.post("/auth/register", json=ACCOUNT | changes)
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "This email address or username is taken."
    assert await service.metric("photo_api_users_total", status="total") == 1
    assert await service.metric("photo_api_db_errors_total") == 0


async def test_of_two_registrations_at_once_one_is_created_and_one_conflicts(service: Service) -> None:
    answers = await asyncio.gather(*(service.client.post("/auth/register", json=ACCOUNT) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [201, 409]


async def test_logging_in_gives_a_pair_of_tokens_that_no_cache_keeps(service: Service) -> None:
    await service.client.post("/auth/register", json=ACCOUNT)
    answer = await login(service)
    assert answer.status_code == 200
    pair = answer.json()
    assert (pair["token_type"], pair["expires_in"]) == ("bearer", 900)
    assert set(pair) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert answer.headers["cache-control"] == "no-store"


async def test_logging_in_does_not_mind_the_case_of_the_address(service: Service) -> None:
    await service.client.post("/auth/register", json=ACCOUNT)
    assert (await login(service, email="MINA@EXAMPLE.COM")).status_code == 200


async def test_a_password_is_as_long_as_it_is(service: Service) -> None:
    """Nothing beyond the 72nd byte is cut off."""
    long = "비밀" * 63 + "ab"
    await service.client.post("/auth/register", json=ACCOUNT | {"password": long})
    assert (await login(service, password=long[:-1] + "c")).status_code == 401
    assert (await login(service, password=long)).status_code == 200


async def test_a_wrong_password_an_unknown_and_a_disabled_user_read_the_same(service: Service) -> None:
    await service.client.post("/auth/register", json=ACCOUNT)
    await service.client.post("/auth/register", json=ACCOUNT | {"email": "juno@example.com", "username": "juno"})
    await disable_user(service.components.database, "juno@example.com")
    answers = [
        await login(service, password="not the password"),
        await login(service, email="nobody@example.com"),
        await login(service, email="juno@example.com"),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.json()["detail"] for answer in answers}) == 1
    assert all("www-authenticate" in answer.headers for answer in answers)


async def test_a_wrong_password_an_unknown_and_a_disabled_user_take_the_same_time(start: Start) -> None:
    """Relative, the fastest of three, with a hash that outweighs all else."""
    async with start(argon2_memory_kib=65_536, argon2_iterations=3) as service:
        await service.client.post("/auth/register", json=ACCOUNT)
        await service.client.post("/auth/register", json=ACCOUNT | {"email": "juno@example.com", "username": "juno"})
        await disable_user(service.components.database, "juno@example.com")

        async def seconds(**changes: str) -> float:
            times = []
            for _ in range(3):
                started = time.perf_counter()
                await login(service, **changes)
                times.append(time.perf_counter() - started)
            return min(times)

        wrong = await seconds(password="not the password")
        assert wrong / 3 < await seconds(email="nobody@example.com") < wrong * 3
        assert wrong / 3 < await seconds(email="juno@example.com") < wrong * 3


async def test_every_login_is_timed_by_its_result(service: Service) -> None:
    await service.client.post("/auth/register", json=ACCOUNT)
    await login(service)
    await login(service, password="not the password")
    await login(service, email="nobody@example.com")
    assert await logins(service, "success") == 1
    assert await logins(service, "failure") == 2
    assert await service.metric("photo_api_login_duration_seconds_sum", result="failure") > 0


@contextmanager
def locked(service: Service) -> Iterator[None]:
    """Another process holds the database's write lock."""
    other = sqlite3.connect(service.settings.resolved_database_url.removeprefix("sqlite:///"), isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
    finally:
        other.close()


async def test_a_login_that_the_database_prevents_is_503_and_counts_as_a_failure(start: Start) -> None:
    async with start(database_timeout_seconds=0.2) as service:
        await service.client.post("/auth/register", json=ACCOUNT)
        with locked(service):
            answer = await login(service)
        assert answer.status_code == 503
        assert "retry-after" in answer.headers
        assert await logins(service, "failure") == 1
        assert await service.metric("photo_api_db_errors_total") > 0
        assert (await login(service)).status_code == 200


async def test_refused_input_is_no_login(service: Service) -> None:
    assert (await login(service, email="nobody")).status_code == 422
    assert await logins(service, "failure") == 0


async def test_more_logins_than_the_queue_holds_are_503_with_retry_after(start: Start) -> None:
    slow = {"argon2_memory_kib": 65_536, "argon2_iterations": 4}
    async with start(**slow, password_hash_concurrency=1, password_hash_queue=1) as service:
        answers = await asyncio.gather(*(login(service, email=f"nobody{n}@example.com") for n in range(6)))
        statuses = [answer.status_code for answer in answers]
        assert set(statuses) == {401, 503}
        assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 503)
        assert await logins(service, "failure") == 6


async def test_other_requests_are_answered_while_a_password_is_hashed(start: Start) -> None:
    async with start(argon2_memory_kib=65_536, argon2_iterations=20) as service:
        user = await service.register()
        hashing = asyncio.create_task(login(service, email="nobody@example.com"))
        for _ in range(10):
            assert (await service.client.get("/auth/me", headers=user.headers)).status_code == 200
        assert not hashing.done()
        assert (await hashing).status_code == 401


async def test_a_login_after_the_parameters_changed_rehashes_the_password(start: Start) -> None:
    async with start(argon2_iterations=1) as service:
        await service.client.post("/auth/register", json=ACCOUNT)
    async with start(argon2_iterations=2) as service:
        assert (await login(service)).status_code == 200
        row = await service.components.database.fetch_one("SELECT password_hash FROM users")
        assert row is not None
        assert not PasswordHasher(service.settings).needs_rehash(row["password_hash"])
        assert (await login(service)).status_code == 200


async def test_me_is_the_account_of_the_token(service: Service, jpeg: Any) -> None:
    user = await service.register("mina")
    content = jpeg()
    await service.photo(user, content, album_id=await service.album(user))
    account = (await service.client.get("/auth/me", headers=user.headers)).json()
    assert (account["id"], account["email"], account["username"]) == (user.id, "mina@example.com", "mina")
    assert account["last_login_at"] is not None
    assert account["storage_bytes"] == len(content)


async def test_a_refresh_token_works_once_and_its_reuse_ends_the_login(service: Service) -> None:
    user = await service.register()
    first = await service.client.post("/auth/refresh", json={"refresh_token": user.refresh_token})
    assert first.status_code == 200
    assert first.headers["cache-control"] == "no-store"
    again = await service.client.post("/auth/refresh", json={"refresh_token": user.refresh_token})
    assert again.status_code == 401
    newest = await service.client.post("/auth/refresh", json={"refresh_token": first.json()["refresh_token"]})
    assert newest.status_code == 401


async def test_the_new_access_token_works(service: Service) -> None:
    user = await service.register()
    pair = (await service.client.post("/auth/refresh", json={"refresh_token": user.refresh_token})).json()
    answer = await service.client.get("/auth/me", headers={"Authorization": f"Bearer {pair['access_token']}"})
    assert answer.json()["id"] == user.id


async def test_of_two_refreshes_at_once_exactly_one_wins(service: Service) -> None:
    user = await service.register()
    answers = await asyncio.gather(
        *(service.client.post("/auth/refresh", json={"refresh_token": user.refresh_token}) for _ in range(2))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 401]


async def test_logging_out_is_204_as_often_as_one_likes_and_ends_refreshing(service: Service) -> None:
    user = await service.register()
    for _ in range(2):
        answer = await service.client.post("/auth/logout", headers=user.headers)
        assert (answer.status_code, answer.content) == (204, b"")
    answer = await service.client.post("/auth/refresh", json={"refresh_token": user.refresh_token})
    assert answer.status_code == 401


@pytest.mark.parametrize(("method", "path"), [("POST", "/auth/logout"), ("GET", "/auth/me"), ("GET", "/albums/")])
async def test_without_a_token_the_answer_is_401_with_the_scheme(service: Service, method: str, path: str) -> None:
    answer = await service.client.request(method, path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["content-type"] == "application/problem+json"


async def test_forged_expired_and_misdirected_tokens_are_401(service: Service) -> None:
    user = await service.register()
    tokens = [
        access_token(service, exp=1),
        access_token(service, aud="another-service"),
        access_token(service, iss="somebody"),
        user.access_token[:-2],
        user.access_token + "a",
        user.refresh_token,
        jwt.encode({"sub": user.id}, "", "none"),
        jwt.encode({"sub": user.id}, "secret" * 8, "HS256", headers={"kid": "1"}),
        access_token(service, padding="x" * 5_000),
        "",
    ]
    for token in tokens:
        answer = await service.client.get("/auth/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401


@pytest.mark.parametrize("scheme", ["", "Basic ", "Token ", "Bearer", "bearer:"])
async def test_a_valid_token_under_another_scheme_is_401(service: Service, scheme: str) -> None:
    user = await service.register()
    answer = await service.client.get("/auth/me", headers={"Authorization": scheme + user.access_token})
    assert answer.status_code == 401


async def test_the_schemes_name_has_no_case(service: Service) -> None:
    user = await service.register()
    answer = await service.client.get("/auth/me", headers={"Authorization": f"bEARER {user.access_token}"})
    assert answer.status_code == 200


async def test_two_authorization_headers_authenticate_nobody(service: Service) -> None:
    user = await service.register()
    header = ("Authorization", f"Bearer {user.access_token}")
    assert (await service.client.get("/auth/me", headers=[header, header])).status_code == 401


async def test_a_token_of_a_user_who_is_gone_is_401(service: Service) -> None:
    """Such as after the database was replaced: neither a 5xx nor an album of nobody."""
    headers = {"Authorization": f"Bearer {access_token(service)}"}
    assert (await service.client.get("/auth/me", headers=headers)).status_code == 401
    assert (await service.client.post("/albums/", json={"name": "Jeju"}, headers=headers)).status_code == 401
    assert (await service.client.post("/auth/logout", headers=headers)).status_code == 204


async def test_an_invalid_token_does_not_matter_where_none_is_needed(service: Service) -> None:
    headers = {"Authorization": "Bearer forged"}
    assert (await service.client.post("/auth/register", json=ACCOUNT, headers=headers)).status_code == 201


async def test_active_sessions_are_the_authenticated_requests_in_flight(start: Start) -> None:
    async with start(database_timeout_seconds=20) as service:
        user = await service.register()
        assert await service.metric("photo_api_active_sessions") == 0
        with locked(service):
            writing = asyncio.create_task(service.client.post("/albums/", json={"name": "Jeju"}, headers=user.headers))
            anonymous = asyncio.create_task(service.client.post("/auth/register", json=ACCOUNT))
            async with asyncio.timeout(10):
                while await service.metric("photo_api_active_sessions") != 1:  # noqa: ASYNC110 - polls the page
                    await asyncio.sleep(0.01)
            assert not writing.done()
        assert (await writing).status_code == 201
        assert (await anonymous).status_code == 201
        assert await service.metric("photo_api_active_sessions") == 0


async def test_a_request_that_fails_leaves_no_active_session(service: Service) -> None:
    user = await service.register()
    await service.client.get("/albums/nonsense", headers=user.headers)
    assert await service.metric("photo_api_active_sessions") == 0
