"""What share links look like from outside."""

from typing import Annotated, Final

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

_ID: Final = "019ab0c4-7d2e-7cc3-98c4-dc0c0c07398f"
TOKEN: Final = "Pp1y0Zr3mYJ8n0m4u1w7kq2VtQ9sX5bD6cE8fG0hIjK"  # noqa: S105 - nobody's; an example of the form
_TIME: Final = "2026-11-30T02:34:47.123Z"
_NEXT: Final = "the cursor of the next page; null on the last"


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

    id: str = Field(examples=[_ID])
    token: str = Field(description="256 random bits", examples=[TOKEN])
    url: str = Field(
        description="what to give to visitors; a path where PHOTO_API_PUBLIC_URL is not set",
        examples=[f"/share/{TOKEN}"],
    )
    expires_at: str | None = Field(examples=[_TIME])


class ShareLinkOut(BaseModel):
    """A link in its owner's list."""

    id: str = Field(examples=[_ID])
    album_id: str = Field(examples=[_ID])
    created_at: str = Field(examples=[_TIME])
    expires_at: str | None = Field(examples=[_TIME])
    revoked_at: str | None = Field(examples=[None])
    active: bool = Field(examples=[True])
    password_protected: bool = Field(examples=[False])
    view_count: int = Field(description="views, some seconds late", examples=[12])


class ShareLinkPage(BaseModel):
    """A page of an album's links, newest first."""

    items: list[ShareLinkOut]
    next_cursor: str | None = Field(description=_NEXT, examples=[_ID])


class SharedAlbum(BaseModel):
    """What visitors may know of the album."""

    name: str = Field(examples=["Jeju"])
    description: str | None = Field(examples=["Spring 2026"])


class SharedPhoto(BaseModel):
    """What visitors may know of a photo; its bytes are at ``/share/{token}/photos/{id}/image``."""

    id: str = Field(examples=[_ID])
    content_type: str = Field(examples=["image/jpeg"])
    file_size: int = Field(description="bytes", examples=[2_400_000])
    width: int = Field(description="pixels", examples=[4032])
    height: int = Field(description="pixels", examples=[3024])
    title: str | None = Field(examples=["The beach"])
    description: str | None = Field(examples=["Early, before the crowds"])


class SharedView(BaseModel):
    """A shared album: a page of its photos, newest first."""

    album: SharedAlbum
    expires_at: str | None = Field(description="when the link ends", examples=[_TIME])
    items: list[SharedPhoto]
    next_cursor: str | None = Field(description=_NEXT, examples=[_ID])
