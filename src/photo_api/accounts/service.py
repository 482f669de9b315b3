"""Accounts: registering, logging in, and keeping a login alive.

Refresh tokens are 256 random bits, stored as their SHA-256, and work once. Each login is a family; a token of it that
comes a second time was copied, so the whole family ends (RFC 9700, 4.14.2).
"""

import hashlib
import secrets
import time
from dataclasses import dataclass, field
from typing import Final, Literal

import structlog

from photo_api.accounts import repository
from photo_api.accounts.tokens import AccessTokens
from photo_api.business_metrics import totals
from photo_api.config import Settings
from photo_api.context import Principal
from photo_api.database import Database, Executor, Row, UniqueViolation
from photo_api.errors import Conflict, Unauthenticated
from photo_api.ids import new_id, now_ms
from photo_api.passwords import PasswordHasher
from photo_metrics import Recorder

_log = structlog.get_logger("photo_api.accounts")

_REAP_BATCH: Final = 500
_REAP_BATCHES: Final = 20
_KEPT_MS: Final = totals.DAY_MS
"""How long an expired token stays: until then its reuse is still recognised."""


@dataclass(frozen=True, slots=True)
class IssuedTokens:
    """An access token, the refresh token that replaces it, and how long it is valid."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in_seconds: int


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user who has just registered."""

    id: str
    email: str
    username: str
    created_ms: int


class AccountService:
    """What clients can do about accounts."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        recorder: Recorder,
        passwords: PasswordHasher,
        access_tokens: AccessTokens,
    ) -> None:
        self._access_token_seconds = settings.access_token_seconds
        self._refresh_token_ms = settings.refresh_token_seconds * 1_000
        self._database = database
        self._recorder = recorder
        self._passwords = passwords
        self._access_tokens = access_tokens

    async def register(self, email: str, username: str, password: str) -> NewUser:
        """Create an account; ``email`` and ``username`` are normalised already.

        Raises:
            Conflict: the email address or the username is taken; which of them is not said.
            Unavailable: too many passwords are being hashed.
        """
        password_hash = await self._passwords.hash(password)
        user = NewUser(new_id(), email, username, now_ms())
        try:
            async with self._database.transaction() as tx:
                await repository.add_user(tx, user.id, email, username, password_hash, user.created_ms)
                await totals.apply(tx, user.id, totals.Change(users=1))
        except UniqueViolation:
            raise Conflict("This email address or username is taken.") from None
        self._recorder.user_registered()
        return user

    async def login(self, email: str, password: str) -> IssuedTokens:
        """Open a session; every outcome is timed and counted here (guide, 2.2), 5xx as a failure.

        Raises:
            Unauthenticated: unknown, disabled or a wrong password; all take the same time and read the same.
            Unavailable: too many passwords are being checked.
        """
        result: Literal["success", "failure"] = "failure"
        started = time.perf_counter()
        try:
            tokens = await self._login(email, password)
            result = "success"
            return tokens
        finally:
            self._recorder.login(result=result, seconds=time.perf_counter() - started)

    async def _login(self, email: str, password: str) -> IssuedTokens:
        refused = Unauthenticated("The email address or the password is wrong.")
        user = await repository.credentials(self._database, email)
        if user is None:
            await self._passwords.verify_nothing(password)
            raise refused
        if not await self._passwords.verify(user["password_hash"], password) or user["disabled_ms"] is not None:
            raise refused
        renewed = None
        if self._passwords.needs_rehash(user["password_hash"]):
            renewed = await self._passwords.hash(password)
        user_id, family_id, now = user["id"], new_id(), now_ms()
        async with self._database.transaction() as tx:
            before = await repository.note_login(tx, user_id, now)
            if before is None:  # disabled while the password was verified
                raise refused
            if renewed is not None:
                await repository.replace_password_hash(tx, user_id, user["password_hash"], renewed)
            refresh_token = await self._add_refresh_token(tx, user_id, family_id, now)
            day_before, day = before["last_active_day"], now // totals.DAY_MS
            await self._count_active(tx, user_id, day_before, day)
        if day_before is None or day_before <= day - totals.ACTIVE_DAYS:
            self._recorder.user_became_active()
        return self._issued(user_id, family_id, refresh_token)

    async def _count_active(self, tx: Executor, user_id: str, before: int | None, day: int) -> None:
        """Never back to an earlier day: instances' clocks differ, and locks are taken in the order of days."""
        if before is None or before < day:
            await repository.set_active_day(tx, user_id, day)
            await totals.move_active_day(tx, user_id, before, day)

    async def refresh(self, refresh_token: str) -> IssuedTokens:
        """Exchange a refresh token for a new pair; of several requests with one token at most one succeeds.

        Raises:
            Unauthenticated: unknown, expired, used, revoked, or its user is disabled. One that was used or revoked
                ends its whole family.
        """
        token_hash, now = _hash(refresh_token), now_ms()
        found = await repository.refresh_token(self._database, token_hash)
        replacement = None
        if found is not None:
            user_id, family_id = found["user_id"], found["family_id"]
            async with self._database.transaction() as tx:
                if await repository.lock_active_user(tx, user_id):
                    if await repository.use_refresh_token(tx, token_hash, now):
                        replacement = await self._add_refresh_token(tx, user_id, family_id, now)
                    elif await repository.revoke_family_of_spent(tx, token_hash, family_id, now):
                        _log.warning("refresh_token_reused", user_id=user_id, family_id=family_id)
            if replacement is not None:
                return self._issued(user_id, family_id, replacement)
        raise Unauthenticated("The refresh token is not valid; log in again.")

    async def logout(self, principal: Principal) -> None:
        """End the login that the access token comes from; doing so again changes nothing.

        The access token itself stays valid until it expires: verifying it asks no database.
        """
        async with self._database.transaction() as tx:
            # A refresh in flight finishes first, and the token it makes is revoked with the others.
            await repository.lock_active_user(tx, principal.user_id)
            await repository.revoke_family(tx, principal.family_id, now_ms())

    async def me(self, user_id: str) -> Row:
        """The user's account.

        Raises:
            Unauthenticated: the user was disabled since the access token was issued.
        """
        user = await repository.user_by_id(self._database, user_id)
        if user is None:
            raise Unauthenticated("This account is disabled.")
        return user

    async def reap(self) -> int:
        """Delete refresh tokens that expired a day ago, in batches that hold no lock for long; how many."""
        removed = 0
        for _ in range(_REAP_BATCHES):
            async with self._database.transaction() as tx:
                batch = await repository.delete_expired(tx, now_ms() - _KEPT_MS, _REAP_BATCH)
            removed += batch
            if batch < _REAP_BATCH:
                break
        return removed

    async def _add_refresh_token(self, tx: Executor, user_id: str, family_id: str, now: int) -> str:
        token = secrets.token_urlsafe(32)
        await repository.add_refresh_token(
            tx, new_id(), family_id, user_id, _hash(token), now, now + self._refresh_token_ms
        )
        return token

    def _issued(self, user_id: str, family_id: str, refresh_token: str) -> IssuedTokens:
        access_token = self._access_tokens.issue(user_id, family_id)
        return IssuedTokens(access_token, refresh_token, self._access_token_seconds)


def _hash(token: str) -> str:
    """256 random bits need neither salt nor a slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()
