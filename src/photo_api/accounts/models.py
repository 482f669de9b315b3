"""Tables of accounts."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from photo_api.database.schema import metadata

users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("email", Text, nullable=False, unique=True),  # lower case
    Column("username", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("disabled_ms", BigInteger),
    Column("last_login_ms", BigInteger),
    Column("last_active_day", Integer),  # days since 1970; counted in active_user_days under the same day
    Column("photo_bytes", BigInteger, nullable=False, server_default="0"),
)
Index("ix_users_photo_bytes", users.c.photo_bytes)  # the largest users, for their gauge

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("family_id", Text, nullable=False, index=True),
    Column("user_id", Text, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("token_hash", Text, nullable=False, unique=True),  # SHA-256, hex
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False, index=True),
    Column("used_ms", BigInteger),
    Column("revoked_ms", BigInteger),
)
