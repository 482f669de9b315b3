"""Tables of share links."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text

from photo_api.database.schema import metadata

share_links = Table(
    "share_links",
    metadata,
    Column("id", Text, primary_key=True),
    Column("album_id", Text, ForeignKey("albums.id", ondelete="CASCADE"), nullable=False),
    Column("owner_id", Text, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("token_hash", Text, nullable=False, unique=True),  # SHA-256 of 256 random bits, hex
    Column("password_hash", Text),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger),
    Column("revoked_ms", BigInteger),
    Column("closed_ms", BigInteger),  # no longer counted as active
    Column("view_count", BigInteger, nullable=False, server_default="0"),
)
Index("ix_share_links_album_id_id", share_links.c.album_id, share_links.c.id)
Index("ix_share_links_closed_ms_expires_ms", share_links.c.closed_ms, share_links.c.expires_ms)  # the reaper's
