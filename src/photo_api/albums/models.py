"""Tables of albums."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from photo_api.database.schema import metadata

albums = Table(
    "albums",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner_id", Text, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("cover_photo_id", Text, ForeignKey("photos.id", ondelete="SET NULL")),
    Column("active_links", Integer, nullable=False, server_default="0"),  # shared where above 0
    Column("created_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
)
Index("ix_albums_owner_id_id", albums.c.owner_id, albums.c.id)  # a page of one's albums
Index("ix_albums_cover_photo_id", albums.c.cover_photo_id)  # a photo's deletion

album_photos = Table(
    "album_photos",
    metadata,
    Column("album_id", Text, ForeignKey("albums.id", ondelete="CASCADE"), primary_key=True),
    Column("photo_id", Text, ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("added_ms", BigInteger, nullable=False),
)
