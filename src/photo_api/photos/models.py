"""Tables of photos."""

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, text

from photo_api.database.schema import metadata

photos = Table(
    "photos",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner_id", Text, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("status", Text, CheckConstraint("status IN ('pending', 'ready')", name="status"), nullable=False),
    Column("pending_album_id", Text),  # the album it joins when confirmed, if that is still there
    Column("object_key", Text, nullable=False, unique=True),  # ours, never the client's file name
    Column("filename", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("file_size", BigInteger, nullable=False),
    Column("checksum_sha256", Text),  # hex; declared while pending, then the content's own
    Column("etag", Text),  # the stored object's, from confirm on
    Column("width", Integer),
    Column("height", Integer),
    Column("title", Text),
    Column("description", Text),
    Column("created_ms", BigInteger, nullable=False),
    Column("pending_until_ms", BigInteger),  # the reaper's; null once confirmed
    Column("confirmed_ms", BigInteger),
)
_READY = text("status = 'ready'")
Index("ix_photos_owner_id_id", photos.c.owner_id, photos.c.id, postgresql_where=_READY, sqlite_where=_READY)
Index("ix_photos_pending_until_ms", photos.c.pending_until_ms)
