"""Statements on users and refresh tokens.

Whatever changes a user's tokens or his counted day locks his row first, in a statement of its own: on PostgreSQL the
statements after it then see what the transaction that held the lock before has committed.
"""

from photo_api.database import Executor, Row

_USER = "id, email, username, created_ms, last_login_ms, photo_bytes"


async def add_user(tx: Executor, user_id: str, email: str, username: str, password_hash: str, now: int) -> None:
    """Insert a user; raises `UniqueViolation` when the email address or the name is taken."""
    await tx.execute(
        "INSERT INTO users (id, email, username, password_hash, created_ms) VALUES ($1, $2, $3, $4, $5)",
        user_id,
        email,
        username,
        password_hash,
        now,
    )


async def user_by_id(executor: Executor, user_id: str) -> Row | None:
    """A user who is not disabled."""
    return await executor.fetch_one(f"SELECT {_USER} FROM users WHERE id = $1 AND disabled_ms IS NULL", user_id)


async def credentials(executor: Executor, email: str) -> Row | None:
    """``id``, ``password_hash`` and ``disabled_ms`` of a user."""
    return await executor.fetch_one("SELECT id, password_hash, disabled_ms FROM users WHERE email = $1", email)


async def lock_active_user(tx: Executor, user_id: str) -> bool:
    """Lock a user's row until the transaction ends; false when he is disabled or gone."""
    changed = await tx.execute(
        "UPDATE users SET last_login_ms = last_login_ms WHERE id = $1 AND disabled_ms IS NULL", user_id
    )
    return changed == 1


async def note_login(tx: Executor, user_id: str, now: int) -> Row | None:
    """Lock a user's row and set the time of his login; his ``last_active_day`` so far, no row when he is disabled."""
    return await tx.fetch_one(
        "UPDATE users SET last_login_ms = $2 WHERE id = $1 AND disabled_ms IS NULL RETURNING last_active_day",
        user_id,
        now,
    )


async def set_active_day(tx: Executor, user_id: str, day: int | None) -> None:
    """Set the day a user is counted under."""
    await tx.execute("UPDATE users SET last_active_day = $2 WHERE id = $1", user_id, day)


async def replace_password_hash(tx: Executor, user_id: str, before: str, after: str) -> None:
    """Replace a hash by a newer one of the same password, unless the password was changed meanwhile."""
    await tx.execute("UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2", user_id, before, after)


async def disable(tx: Executor, email: str, now: int) -> Row | None:
    """Disable a user; his ``id`` and the ``last_active_day`` that he is still counted under."""
    return await tx.fetch_one(
        "UPDATE users SET disabled_ms = $2 WHERE email = $1 AND disabled_ms IS NULL RETURNING id, last_active_day",
        email,
        now,
    )


async def enable(tx: Executor, email: str) -> Row | None:
    """Enable a disabled user; his ``id`` and ``last_login_ms``."""
    return await tx.fetch_one(
        "UPDATE users SET disabled_ms = NULL WHERE email = $1 AND disabled_ms IS NOT NULL RETURNING id, last_login_ms",
        email,
    )


async def add_refresh_token(
    tx: Executor, token_id: str, family_id: str, user_id: str, token_hash: str, now: int, expires_ms: int
) -> None:
    """Insert a refresh token."""
    await tx.execute(
        "INSERT INTO refresh_tokens (id, family_id, user_id, token_hash, created_ms, expires_ms)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        token_id,
        family_id,
        user_id,
        token_hash,
        now,
        expires_ms,
    )


async def refresh_token(executor: Executor, token_hash: str) -> Row | None:
    """``user_id`` and ``family_id`` of a token, valid or not."""
    return await executor.fetch_one("SELECT user_id, family_id FROM refresh_tokens WHERE token_hash = $1", token_hash)


async def use_refresh_token(tx: Executor, token_hash: str, now: int) -> bool:
    """Use a token up; false when it was used, revoked or has expired."""
    changed = await tx.execute(
        "UPDATE refresh_tokens SET used_ms = $2"
        " WHERE token_hash = $1 AND used_ms IS NULL AND revoked_ms IS NULL AND expires_ms > $2",
        token_hash,
        now,
    )
    return changed == 1


async def revoke_family_of_spent(tx: Executor, token_hash: str, family_id: str, now: int) -> int:
    """Revoke a family when one of its tokens that was used or revoked comes again; how many tokens that ended.

    A token that has only expired tells nothing of a theft.
    """
    return await tx.execute(
        "UPDATE refresh_tokens SET revoked_ms = $3 WHERE family_id = $2 AND revoked_ms IS NULL AND EXISTS"
        " (SELECT 1 FROM refresh_tokens AS spent WHERE spent.token_hash = $1"
        " AND (spent.used_ms IS NOT NULL OR spent.revoked_ms IS NOT NULL))",
        token_hash,
        family_id,
        now,
    )


async def revoke_family(tx: Executor, family_id: str, now: int) -> None:
    """Revoke every token of one login."""
    await tx.execute(
        "UPDATE refresh_tokens SET revoked_ms = $2 WHERE family_id = $1 AND revoked_ms IS NULL", family_id, now
    )


async def revoke_all(tx: Executor, user_id: str, now: int) -> None:
    """Revoke every token of a user."""
    await tx.execute(
        "UPDATE refresh_tokens SET revoked_ms = $2 WHERE user_id = $1 AND revoked_ms IS NULL", user_id, now
    )


async def delete_expired(tx: Executor, before: int, limit: int) -> int:
    """Delete up to ``limit`` tokens that expired before a time (Unix milliseconds); how many."""
    return await tx.execute(
        "DELETE FROM refresh_tokens WHERE id IN"
        " (SELECT id FROM refresh_tokens WHERE expires_ms < $1 ORDER BY expires_ms, id LIMIT $2)",
        before,
        limit,
    )
