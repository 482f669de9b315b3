"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table; the totals' rows are there from the start."""
    op.create_table(
        "active_user_days",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("users", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("day", "shard", name=op.f("pk_active_user_days")),
    )
    op.create_table(
        "object_deletions",
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("object_key", name=op.f("pk_object_deletions")),
    )
    with op.batch_alter_table("object_deletions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_object_deletions_next_attempt_ms"), ["next_attempt_ms"], unique=False)

    op.create_table(
        "totals",
        sa.Column("shard", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("users", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("albums", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("albums_shared", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("photos", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("photo_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("share_links", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("share_links_active", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("shard", name=op.f("pk_totals")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("disabled_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_login_ms", sa.BigInteger(), nullable=True),
        sa.Column("last_active_day", sa.Integer(), nullable=True),
        sa.Column("photo_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
        sa.UniqueConstraint("username", name=op.f("uq_users_username")),
    )
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.create_index("ix_users_photo_bytes", ["photo_bytes"], unique=False)

    op.create_table(
        "photos",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("pending_album_id", sa.Text(), nullable=True),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("file_size", sa.BigInteger(), nullable=False),
        sa.Column("checksum_sha256", sa.Text(), nullable=True),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("pending_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_photos_owner_id"), ondelete="CASCADE"),
        sa.CheckConstraint("status IN ('pending', 'ready')", name=op.f("ck_photos_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photos")),
        sa.UniqueConstraint("object_key", name=op.f("uq_photos_object_key")),
    )
    with op.batch_alter_table("photos", schema=None) as batch_op:
        batch_op.create_index(
            "ix_photos_owner_id_id",
            ["owner_id", "id"],
            unique=False,
            postgresql_where=sa.text("status = 'ready'"),
            sqlite_where=sa.text("status = 'ready'"),
        )
        batch_op.create_index("ix_photos_pending_until_ms", ["pending_until_ms"], unique=False)

    op.create_table(
        "refresh_tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("family_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.Column("used_ms", sa.BigInteger(), nullable=True),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_refresh_tokens_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refresh_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_refresh_tokens_token_hash")),
    )
    with op.batch_alter_table("refresh_tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_refresh_tokens_expires_ms"), ["expires_ms"], unique=False)
        batch_op.create_index(batch_op.f("ix_refresh_tokens_family_id"), ["family_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_refresh_tokens_user_id"), ["user_id"], unique=False)

    op.create_table(
        "albums",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("cover_photo_id", sa.Text(), nullable=True),
        sa.Column("active_links", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("updated_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cover_photo_id"], ["photos.id"], name=op.f("fk_albums_cover_photo_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_albums_owner_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_albums")),
    )
    with op.batch_alter_table("albums", schema=None) as batch_op:
        batch_op.create_index("ix_albums_cover_photo_id", ["cover_photo_id"], unique=False)
        batch_op.create_index("ix_albums_owner_id_id", ["owner_id", "id"], unique=False)

    op.create_table(
        "album_photos",
        sa.Column("album_id", sa.Text(), nullable=False),
        sa.Column("photo_id", sa.Text(), nullable=False),
        sa.Column("added_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["album_id"], ["albums.id"], name=op.f("fk_album_photos_album_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["photo_id"], ["photos.id"], name=op.f("fk_album_photos_photo_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("album_id", "photo_id", name=op.f("pk_album_photos")),
    )
    with op.batch_alter_table("album_photos", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_album_photos_photo_id"), ["photo_id"], unique=False)

    op.create_table(
        "share_links",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("album_id", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=True),
        sa.Column("revoked_ms", sa.BigInteger(), nullable=True),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.Column("view_count", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["album_id"], ["albums.id"], name=op.f("fk_share_links_album_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_share_links_owner_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_share_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_share_links_token_hash")),
    )
    with op.batch_alter_table("share_links", schema=None) as batch_op:
        batch_op.create_index("ix_share_links_album_id_id", ["album_id", "id"], unique=False)
        batch_op.create_index("ix_share_links_closed_ms_expires_ms", ["closed_ms", "expires_ms"], unique=False)
        batch_op.create_index(batch_op.f("ix_share_links_owner_id"), ["owner_id"], unique=False)
    shards = sa.table("totals", sa.column("shard", sa.Integer()))
    op.bulk_insert(shards, [{"shard": shard} for shard in range(16)])


def downgrade() -> None:
    """Drop every table."""
    with op.batch_alter_table("share_links", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_share_links_owner_id"))
        batch_op.drop_index("ix_share_links_closed_ms_expires_ms")
        batch_op.drop_index("ix_share_links_album_id_id")

    op.drop_table("share_links")
    with op.batch_alter_table("album_photos", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_album_photos_photo_id"))

    op.drop_table("album_photos")
    with op.batch_alter_table("albums", schema=None) as batch_op:
        batch_op.drop_index("ix_albums_owner_id_id")
        batch_op.drop_index("ix_albums_cover_photo_id")

    op.drop_table("albums")
    with op.batch_alter_table("refresh_tokens", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_refresh_tokens_user_id"))
        batch_op.drop_index(batch_op.f("ix_refresh_tokens_family_id"))
        batch_op.drop_index(batch_op.f("ix_refresh_tokens_expires_ms"))

    op.drop_table("refresh_tokens")
    with op.batch_alter_table("photos", schema=None) as batch_op:
        batch_op.drop_index("ix_photos_pending_until_ms")
        batch_op.drop_index(
            "ix_photos_owner_id_id",
            postgresql_where=sa.text("status = 'ready'"),
            sqlite_where=sa.text("status = 'ready'"),
        )

    op.drop_table("photos")
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_index("ix_users_photo_bytes")

    op.drop_table("users")
    op.drop_table("totals")
    with op.batch_alter_table("object_deletions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_object_deletions_next_attempt_ms"))

    op.drop_table("object_deletions")
    op.drop_table("active_user_days")
