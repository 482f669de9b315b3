"""Tables of object storage: the durable outbox of deletions."""

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from photo_api.database.schema import metadata

object_deletions = Table(
    "object_deletions",
    metadata,
    Column("object_key", Text, primary_key=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_ms", BigInteger, nullable=False, index=True),
)
