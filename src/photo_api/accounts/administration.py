"""What operators do about accounts."""

from photo_api.accounts import repository
from photo_api.business_metrics import totals
from photo_api.database import Database, Executor
from photo_api.errors import NotFound
from photo_api.ids import now_ms


async def disable_user(database: Database, email: str) -> bool:
    """Keep a user from logging in and from refreshing; false when he is disabled already.

    An access token that he has stays valid until it expires.

    Raises:
        NotFound: nobody has this email address.
    """
    now = now_ms()
    async with database.transaction() as tx:
        user = await repository.disable(tx, email, now)
        if user is None:
            await _must_exist(tx, email)
            return False
        await repository.set_active_day(tx, user["id"], None)
        await repository.revoke_all(tx, user["id"], now)
        await totals.move_active_day(tx, user["id"], user["last_active_day"], None)
    return True


async def enable_user(database: Database, email: str) -> bool:
    """Let a disabled user log in again, counted as active by his last login; false when he is not disabled.

    Raises:
        NotFound: nobody has this email address.
    """
    async with database.transaction() as tx:
        user = await repository.enable(tx, email)
        if user is None:
            await _must_exist(tx, email)
            return False
        day = None if user["last_login_ms"] is None else user["last_login_ms"] // totals.DAY_MS
        await repository.set_active_day(tx, user["id"], day)
        await totals.move_active_day(tx, user["id"], None, day)
    return True


async def _must_exist(tx: Executor, email: str) -> None:
    if await repository.credentials(tx, email) is None:
        raise NotFound(f"nobody has the email address {email}")
