"""What goes over the wire for photos."""

from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from photo_api.content_types import ContentType
from photo_api.fields import json_number
from photo_api.ids import ID_PATTERN

PHOTO_ID: Final = "019ab0c4-7d2e-7cc3-98c4-dc0c0c07398f"
ALBUM_ID: Final = "019ab0c2-1f6a-7b6e-8a51-3d7c2f9e4b10"
CHECKSUM: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

# One line, and nothing a database or a header could not hold; pydantic refuses lone surrogates by itself.
ONE_LINE = r"^[^\x00-\x1f\x7f]*$"

Uuid = Annotated[str, Field(pattern=ID_PATTERN, json_schema_extra={"format": "uuid"})]
Filename = Annotated[
    str,
    Field(min_length=1, max_length=255, pattern=ONE_LINE, description="kept for display only", examples=["beach.jpg"]),
]
Title = Annotated[str, Field(min_length=1, max_length=200, pattern=ONE_LINE, examples=["The beach"])]
Description = Annotated[str, Field(max_length=4_000, pattern=r"^[^\x00]*$", examples=["Early, before the crowds"])]
Checksum = Annotated[
    str, Field(pattern=r"^[0-9a-fA-F]{64}$", description="SHA-256 of the content, hex", examples=[CHECKSUM])
]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PresignedUploadIn(_Input):
    """A photo about to be uploaded."""

    album_id: Uuid = Field(description="one of your albums; the photo joins it when confirmed", examples=[ALBUM_ID])
    filename: Filename
    content_type: ContentType
    file_size: Annotated[int, BeforeValidator(json_number)] = Field(
        ge=1, le=2**40, description="bytes; the upload must have exactly these", examples=[482_113]
    )
    checksum_sha256: Checksum | None = Field(None, description="checked at confirm; SHA-256, hex")
    title: Title | None = None
    description: Description | None = None


class PresignedUploadOut(BaseModel):
    """Where to put the bytes; then ``POST /photos/confirm``."""

    photo_id: Uuid = Field(examples=[PHOTO_ID])
    upload_url: str = Field(
        description="a path on this origin, or absolute where the service has a public URL",
        examples=[f"/storage/{PHOTO_ID}?expires=1795401287&signature=6c1f…"],
    )
    upload_method: Literal["PUT"]
    upload_headers: dict[str, str] = Field(
        description="send exactly these; Content-Length, which is signed too, follows from the body",
        examples=[{"Content-Type": "image/jpeg"}],
    )
    object_key: str = Field(examples=[PHOTO_ID])
    expires_in: int = Field(description="seconds the URL is good for", examples=[900])


class ConfirmIn(_Input):
    """An uploaded photo."""

    photo_id: Uuid = Field(examples=[PHOTO_ID])


class PhotoChange(_Input):
    """What to change; a field left out stays, ``null`` clears it."""

    title: Title | None = None
    description: Description | None = None


class PhotoOut(BaseModel):
    """A confirmed photo."""

    id: Uuid = Field(examples=[PHOTO_ID])
    filename: str = Field(examples=["beach.jpg"])
    content_type: ContentType
    file_size: int = Field(description="bytes", examples=[482_113])
    width: int = Field(description="pixels, as displayed (EXIF orientation applied)", examples=[4032])
    height: int = Field(description="pixels, as displayed (EXIF orientation applied)", examples=[3024])
    title: str | None = Field(examples=["The beach"])
    description: str | None = Field(examples=["Early, before the crowds"])
    checksum_sha256: str = Field(description="SHA-256 of the content, hex", examples=[CHECKSUM])
    created_at: str = Field(
        description="RFC 3339, UTC", json_schema_extra={"format": "date-time"}, examples=["2026-11-23T02:34:47.123Z"]
    )
    confirmed_at: str = Field(
        description="RFC 3339, UTC", json_schema_extra={"format": "date-time"}, examples=["2026-11-23T02:34:49.456Z"]
    )


class PhotoPage(BaseModel):
    """A page of photos, newest first."""

    items: list[PhotoOut]
    next_cursor: Uuid | None = Field(description="the next page's ``cursor``; null on the last", examples=[PHOTO_ID])
