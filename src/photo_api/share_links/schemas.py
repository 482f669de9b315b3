"""What share links look like from outside."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from photo_api.fields import json_number

# What a header can carry: its value is stripped of spaces at both ends, and holds no control characters.
Password = Annotated[
    str,
    Field(
        min_length=4,
        max_length=128,
        pattern=r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$",
        description="sent as X-Share-Password by visitors, in UTF-8; one line, no space at its ends",
        examples=["picnic-2026"],
    ),
]


class ShareLinkIn(BaseModel):
    """A new link; both limits are optional."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"expires_in_days": 7, "password": "picnic-2026"}]}
    )

    expires_in_days: Annotated[int, Field(ge=1, le=3_650), BeforeValidator(json_number)] | None = Field(
        None, description="days until it ends; null: until revoked", examples=[7]
    )
    password: Password | None = None


class ShareLinkCreated(BaseModel):
    """The answer to a new link; its token is shown this once and only its hash is kept."""

    id: str
    token: str = Field(description="256 random bits")
    url: str = Field(description="what to give to visitors; a path where PHOTO_API_PUBLIC_URL is not set")
    expires_at: str | None


class ShareLinkOut(BaseModel):
    """A link in its owner's list."""

    id: str
    album_id: str
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    active: bool
    password_protected: bool
    view_count: int = Field(description="views, some seconds late")


class ShareLinkPage(BaseModel):
    """A page of an album's links, newest first."""

    items: list[ShareLinkOut]
    next_cursor: str | None


class SharedAlbum(BaseModel):
    """What visitors may know of the album."""

    name: str
    description: str | None


class SharedPhoto(BaseModel):
    """What visitors may know of a photo; its bytes are at ``/share/{token}/photos/{id}/image``."""

    id: str
    content_type: str
    file_size: int = Field(description="bytes")
    width: int = Field(description="pixels")
    height: int = Field(description="pixels")
    title: str | None
    description: str | None


class SharedView(BaseModel):
    """A shared album: a page of its photos, newest first."""

    album: SharedAlbum
    expires_at: str | None
    items: list[SharedPhoto]
    next_cursor: str | None
