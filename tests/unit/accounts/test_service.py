"""Accounts on both databases: tokens' life, totals, and what two requests at once may not do."""

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, replace
from typing import Any

import argon2
import pytest
from structlog.testing import capture_logs

from photo_api.accounts import repository
from photo_api.accounts.administration import disable_user, enable_user
from photo_api.accounts.service import AccountService
from photo_api.accounts.tokens import AccessTokens
from photo_api.business_metrics import totals
from photo_api.config import Settings
from photo_api.context import Principal
from photo_api.database import Database, Value, open_database
from photo_api.database.migrate import migrate
from photo_api.errors import Conflict, DatabaseUnavailable, NotFound, Unauthenticated
from photo_api.ids import now_ms
from photo_api.passwords import PasswordHasher
from photo_api.secrets import Secrets
from photo_metrics import Recorder

PASSWORD = "correct horse battery"
EMAIL = "mina@example.com"


@dataclass(frozen=True)
class Accounts:
    """An account service and what it stands on."""

    settings: Settings
    database: Database
    service: AccountService
    tokens: AccessTokens

    async def value(self, sql: str, *values: Value) -> Any:
        row = await self.database.fetch_one(sql, *values)
        return None if row is None else row[0]

    async def change(self, sql: str, *values: Value) -> None:
        async with self.database.transaction() as tx:
            await tx.execute(sql, *values)

    async def register(self, email: str = EMAIL, username: str = "mina") -> str:
        return (await self.service.register(email, username, PASSWORD)).id

    def principal(self, access_token: str) -> Principal:
        principal = self.tokens.verify(access_token)
        assert principal is not None
        return principal

    async def users(self) -> int:
        return int(await self.value("SELECT SUM(users) FROM totals"))

    async def active_days(self) -> dict[int, int]:
        rows = await self.database.fetch_all("SELECT day, SUM(users) AS n FROM active_user_days GROUP BY day")
        return {row["day"]: int(row["n"]) for row in rows if row["n"]}

    async def counted_days(self) -> dict[int, int]:
        """What `active_days` must be: counted from the users themselves."""
        rows = await self.database.fetch_all(
            "SELECT last_active_day AS day, COUNT(*) AS n FROM users"
            " WHERE last_active_day IS NOT NULL GROUP BY last_active_day"
        )
        return {row["day"]: row["n"] for row in rows}


@pytest.fixture
async def accounts(database_url: str) -> AsyncIterator[Accounts]:
    await asyncio.to_thread(migrate, database_url)
    settings = Settings(
        database_url=database_url, argon2_memory_kib=64, argon2_iterations=1, password_hash_concurrency=2
    )
    database = open_database(settings)
    passwords = PasswordHasher(settings)
    tokens = AccessTokens(settings, Secrets(b"k" * 32, "1", None, "0"))
    recorder = Recorder(app="photo-api", version="0", environment="development", node="test")
    await database.open()
    await passwords.open()
    yield Accounts(settings, database, AccountService(settings, database, recorder, passwords, tokens), tokens)
    await passwords.close()
    await database.close()


async def refused(attempt: Awaitable[object]) -> bool:
    try:
        await attempt
    except Unauthenticated:
        return True
    return False


async def test_a_new_user_counts_among_all_and_not_among_the_active(accounts: Accounts) -> None:
    await accounts.register()
    assert await accounts.users() == 1
    assert await accounts.active_days() == {}


async def test_the_password_is_stored_as_argon2id_only(accounts: Accounts) -> None:
    await accounts.register()
    stored = await accounts.value("SELECT password_hash FROM users")
    assert stored.startswith("$argon2id$v=19$m=64,t=1,p=1$")


@pytest.mark.parametrize(("email", "username"), [(EMAIL, "other"), ("other@example.com", "mina")])
async def test_a_taken_email_or_username_is_a_conflict_that_says_not_which(
    accounts: Accounts, email: str, username: str
) -> None:
    await accounts.register()
    with pytest.raises(Conflict) as caught:
        await accounts.register(email, username)
    assert caught.value.detail == "This email address or username is taken."
    assert await accounts.users() == 1


async def test_of_many_registrations_at_once_exactly_one_wins(accounts: Accounts) -> None:
    results = await asyncio.gather(
        *(accounts.register(EMAIL, f"mina{number}") for number in range(8)), return_exceptions=True
    )
    assert sum(isinstance(result, str) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 7
    assert await accounts.users() == await accounts.value("SELECT COUNT(*) FROM users") == 1


async def test_a_login_counts_its_user_as_active_today_once(accounts: Accounts) -> None:
    await accounts.register()
    await asyncio.gather(*(accounts.service.login(EMAIL, PASSWORD) for _ in range(6)))
    assert await accounts.active_days() == await accounts.counted_days() == {totals.today(): 1}


async def test_a_login_moves_its_user_from_an_earlier_day(accounts: Accounts) -> None:
    user_id = await accounts.register()
    async with accounts.database.transaction() as tx:
        await tx.execute("UPDATE users SET last_active_day = $1", totals.today() - 40)
        await totals.move_active_day(tx, user_id, None, totals.today() - 40)
    await asyncio.gather(*(accounts.service.login(EMAIL, PASSWORD) for _ in range(4)))
    assert await accounts.active_days() == await accounts.counted_days() == {totals.today(): 1}


async def test_a_login_on_an_instance_whose_clock_is_behind_moves_nobody_back(accounts: Accounts) -> None:
    user_id = await accounts.register()
    async with accounts.database.transaction() as tx:
        await tx.execute("UPDATE users SET last_active_day = $1", totals.today() + 1)
        await totals.move_active_day(tx, user_id, None, totals.today() + 1)
    await accounts.service.login(EMAIL, PASSWORD)
    assert await accounts.active_days() == await accounts.counted_days() == {totals.today() + 1: 1}


async def test_a_login_notes_its_time(accounts: Accounts) -> None:
    await accounts.register()
    before = now_ms()
    await accounts.service.login(EMAIL, PASSWORD)
    assert before <= await accounts.value("SELECT last_login_ms FROM users") <= now_ms()


async def test_a_login_renews_a_hash_of_other_parameters_once(accounts: Accounts) -> None:
    await accounts.register()
    old = argon2.PasswordHasher(time_cost=2, memory_cost=32, parallelism=1).hash(PASSWORD)
    await accounts.change("UPDATE users SET password_hash = $1", old)
    await accounts.service.login(EMAIL, PASSWORD)
    renewed = await accounts.value("SELECT password_hash FROM users")
    assert renewed.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    await accounts.service.login(EMAIL, PASSWORD)
    assert await accounts.value("SELECT password_hash FROM users") == renewed


async def test_a_failed_login_renews_and_stores_nothing(accounts: Accounts) -> None:
    await accounts.register()
    old = argon2.PasswordHasher(time_cost=2, memory_cost=32, parallelism=1).hash(PASSWORD)
    await accounts.change("UPDATE users SET password_hash = $1", old)
    assert await refused(accounts.service.login(EMAIL, "wrong"))
    assert await accounts.value("SELECT password_hash FROM users") == old
    assert await accounts.value("SELECT COUNT(*) FROM refresh_tokens") == 0
    assert await accounts.value("SELECT last_login_ms FROM users") is None


async def test_a_refresh_token_has_256_random_bits_and_is_stored_hashed(accounts: Accounts) -> None:
    await accounts.register()
    token = (await accounts.service.login(EMAIL, PASSWORD)).refresh_token
    row = await accounts.database.fetch_one("SELECT * FROM refresh_tokens")
    assert row is not None
    assert len(token) == 43
    assert row["token_hash"] == hashlib.sha256(token.encode()).hexdigest()
    assert token not in {row[name] for name in row.keys()}  # noqa: SIM118 - a row is not a mapping


async def test_a_refresh_gives_new_tokens_of_the_same_login(accounts: Accounts) -> None:
    await accounts.register()
    first = await accounts.service.login(EMAIL, PASSWORD)
    second = await accounts.service.refresh(first.refresh_token)
    third = await accounts.service.refresh(second.refresh_token)
    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    assert accounts.principal(third.access_token) == accounts.principal(first.access_token)


async def test_the_reuse_of_a_used_token_ends_its_whole_family_although_it_is_refused(accounts: Accounts) -> None:
    await accounts.register()
    first = await accounts.service.login(EMAIL, PASSWORD)
    second = await accounts.service.refresh(first.refresh_token)
    with capture_logs() as logs:
        assert await refused(accounts.service.refresh(first.refresh_token))
    assert await accounts.value("SELECT COUNT(*) FROM refresh_tokens WHERE revoked_ms IS NULL") == 0
    assert await refused(accounts.service.refresh(second.refresh_token))
    assert [entry["event"] for entry in logs] == ["refresh_token_reused"]
    assert first.refresh_token not in str(logs)


async def test_the_reuse_of_a_token_leaves_other_logins_alone(accounts: Accounts) -> None:
    await accounts.register()
    phone, laptop = [await accounts.service.login(EMAIL, PASSWORD) for _ in range(2)]
    await accounts.service.refresh(phone.refresh_token)
    assert await refused(accounts.service.refresh(phone.refresh_token))
    assert not await refused(accounts.service.refresh(laptop.refresh_token))


async def test_of_many_uses_of_one_token_at_once_exactly_one_wins(accounts: Accounts) -> None:
    await accounts.register()
    token = (await accounts.service.login(EMAIL, PASSWORD)).refresh_token
    results = await asyncio.gather(*(accounts.service.refresh(token) for _ in range(8)), return_exceptions=True)
    assert sum(not isinstance(result, BaseException) for result in results) == 1
    assert sum(isinstance(result, Unauthenticated) for result in results) == 7
    assert await accounts.value("SELECT COUNT(*) FROM refresh_tokens") == 2
    assert await accounts.value("SELECT COUNT(*) FROM refresh_tokens WHERE revoked_ms IS NULL") == 0


async def test_an_expired_token_is_refused_and_its_login_goes_on(accounts: Accounts) -> None:
    await accounts.register()
    tokens = await accounts.service.login(EMAIL, PASSWORD)
    await accounts.change("UPDATE refresh_tokens SET expires_ms = $1", now_ms() - 1)
    assert await refused(accounts.service.refresh(tokens.refresh_token))
    assert await accounts.value("SELECT revoked_ms FROM refresh_tokens") is None


@pytest.mark.parametrize("token", ["x", "A" * 43, "\0", "비밀"])
async def test_an_unknown_refresh_token_is_refused(accounts: Accounts, token: str) -> None:
    assert await refused(accounts.service.refresh(token))


async def test_logging_out_ends_this_login_only_and_may_be_repeated(accounts: Accounts) -> None:
    await accounts.register()
    phone, laptop = [await accounts.service.login(EMAIL, PASSWORD) for _ in range(2)]
    for _ in range(2):
        await accounts.service.logout(accounts.principal(phone.access_token))
    assert await refused(accounts.service.refresh(phone.refresh_token))
    assert not await refused(accounts.service.refresh(laptop.refresh_token))


async def test_a_refresh_at_the_moment_of_logging_out_does_not_outlive_it(accounts: Accounts) -> None:
    user_id = await accounts.register()
    tokens = await accounts.service.login(EMAIL, PASSWORD)
    principal = accounts.principal(tokens.access_token)
    token_hash = hashlib.sha256(tokens.refresh_token.encode()).hexdigest()
    async with accounts.database.transaction() as tx:  # a refresh, held just before its commit
        assert await repository.lock_active_user(tx, user_id)
        assert await repository.use_refresh_token(tx, token_hash, now_ms())
        await repository.add_refresh_token(tx, "next", principal.family_id, user_id, "next", 1, now_ms() + 60_000)
        logging_out = asyncio.create_task(accounts.service.logout(principal))
        assert not (await asyncio.wait({logging_out}, timeout=0.3))[0]
    await logging_out
    assert await accounts.value("SELECT COUNT(*) FROM refresh_tokens WHERE revoked_ms IS NULL") == 0


async def test_refreshes_and_logouts_at_once_leave_no_live_token(accounts: Accounts) -> None:
    await accounts.register()
    for _ in range(5):
        tokens = await accounts.service.login(EMAIL, PASSWORD)
        principal = accounts.principal(tokens.access_token)
        results = await asyncio.gather(
            accounts.service.refresh(tokens.refresh_token), accounts.service.logout(principal), return_exceptions=True
        )
        assert not [result for result in results if isinstance(result, DatabaseUnavailable)]
    assert await accounts.value("SELECT COUNT(*) FROM refresh_tokens WHERE revoked_ms IS NULL") == 0


async def test_a_disabled_user_can_neither_log_in_nor_refresh_nor_see_his_account(accounts: Accounts) -> None:
    user_id = await accounts.register()
    tokens = await accounts.service.login(EMAIL, PASSWORD)
    assert await disable_user(accounts.database, EMAIL)
    assert await refused(accounts.service.login(EMAIL, PASSWORD))
    assert await refused(accounts.service.refresh(tokens.refresh_token))
    assert await refused(accounts.service.me(user_id))


async def test_a_disabled_user_is_not_active_and_still_a_user(accounts: Accounts) -> None:
    await accounts.register()
    await accounts.service.login(EMAIL, PASSWORD)
    assert await disable_user(accounts.database, EMAIL)
    assert await accounts.active_days() == await accounts.counted_days() == {}
    assert await accounts.users() == 1


async def test_an_enabled_user_is_active_as_of_his_last_login_but_his_old_tokens_stay_dead(accounts: Accounts) -> None:
    await accounts.register()
    tokens = await accounts.service.login(EMAIL, PASSWORD)
    await disable_user(accounts.database, EMAIL)
    assert await enable_user(accounts.database, EMAIL)
    assert await accounts.active_days() == await accounts.counted_days() == {totals.today(): 1}
    assert await refused(accounts.service.refresh(tokens.refresh_token))
    assert not await refused(accounts.service.login(EMAIL, PASSWORD))


async def test_enabling_a_user_who_never_logged_in_makes_nobody_active(accounts: Accounts) -> None:
    await accounts.register()
    await disable_user(accounts.database, EMAIL)
    await enable_user(accounts.database, EMAIL)
    assert await accounts.active_days() == {}


async def test_disabling_and_enabling_again_change_nothing(accounts: Accounts) -> None:
    await accounts.register()
    await accounts.service.login(EMAIL, PASSWORD)
    assert not await enable_user(accounts.database, EMAIL)
    assert await disable_user(accounts.database, EMAIL)
    assert not await disable_user(accounts.database, EMAIL)
    assert await accounts.active_days() == {}


async def test_nobody_by_that_address_can_be_disabled_or_enabled(accounts: Accounts) -> None:
    for change in (disable_user, enable_user):
        with pytest.raises(NotFound):
            await change(accounts.database, "nobody@example.com")


async def test_logins_refreshes_and_disabling_at_once_leave_no_live_token_and_true_totals(accounts: Accounts) -> None:
    await accounts.register()
    tokens = [await accounts.service.login(EMAIL, PASSWORD) for _ in range(4)]
    attempts: list[Awaitable[object]] = [accounts.service.refresh(pair.refresh_token) for pair in tokens]
    attempts[2:2] = [disable_user(accounts.database, EMAIL)]
    attempts += [accounts.service.login(EMAIL, PASSWORD) for _ in range(3)]
    results = await asyncio.gather(*attempts, return_exceptions=True)
    assert not [result for result in results if isinstance(result, DatabaseUnavailable)]
    assert await accounts.value("SELECT COUNT(*) FROM refresh_tokens WHERE revoked_ms IS NULL") == 0
    assert await accounts.active_days() == await accounts.counted_days() == {}


async def test_totals_stay_true_when_many_users_log_in_and_are_disabled_at_once(accounts: Accounts) -> None:
    emails = [f"user{number}@example.com" for number in range(12)]
    await asyncio.gather(*(accounts.register(email, email.split("@")[0]) for email in emails))
    await asyncio.gather(
        *itertools.chain.from_iterable(
            (accounts.service.login(email, PASSWORD), disable_user(accounts.database, email)) for email in emails
        ),
        return_exceptions=True,
    )
    await asyncio.gather(*(enable_user(accounts.database, email) for email in emails[::2]))
    assert await accounts.users() == 12
    assert await accounts.active_days() == await accounts.counted_days()


async def test_the_reaper_deletes_what_expired_a_day_ago_and_nothing_else(accounts: Accounts) -> None:
    await accounts.register()
    for age_ms in (totals.DAY_MS + 60_000, totals.DAY_MS - 60_000, -60_000):
        token = (await accounts.service.login(EMAIL, PASSWORD)).refresh_token
        await accounts.change(
            "UPDATE refresh_tokens SET expires_ms = $2 WHERE token_hash = $1",
            hashlib.sha256(token.encode()).hexdigest(),
            now_ms() - age_ms,
        )
    assert await accounts.service.reap() == 1
    assert await accounts.value("SELECT COUNT(*) FROM refresh_tokens") == 2
    assert await accounts.service.reap() == 0


async def test_the_reaper_takes_many_in_several_batches(accounts: Accounts) -> None:
    user_id = await accounts.register()
    async with accounts.database.transaction() as tx:
        for number in range(1_201):
            await tx.execute(
                "INSERT INTO refresh_tokens (id, family_id, user_id, token_hash, created_ms, expires_ms)"
                " VALUES ($1, $1, $2, $1, 1, 2)",
                str(number),
                user_id,
            )
    assert await accounts.service.reap() == 1_201


async def test_refresh_tokens_live_as_long_as_the_settings_say(accounts: Accounts) -> None:
    await accounts.register()
    await accounts.service.login(EMAIL, PASSWORD)
    lifetime = await accounts.value("SELECT expires_ms - created_ms FROM refresh_tokens")
    assert lifetime == accounts.settings.refresh_token_seconds * 1_000


async def test_issued_tokens_do_not_show_in_their_representation(accounts: Accounts) -> None:
    await accounts.register()
    tokens = await accounts.service.login(EMAIL, PASSWORD)
    shown = repr(replace(tokens))
    assert tokens.access_token not in shown
    assert tokens.refresh_token not in shown
