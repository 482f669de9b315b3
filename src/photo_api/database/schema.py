"""The schema's registry: each slice declares its tables in its ``models.py``; migrations compare against them all."""

from importlib import import_module

from sqlalchemy import MetaData

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

SLICES = ("accounts", "albums", "photos", "share_links", "business_metrics", "storage")


def full_metadata() -> MetaData:
    """`metadata` with every slice's tables declared."""
    for name in SLICES:
        import_module(f"photo_api.{name}.models")
    return metadata
