"""What clients send and get about albums."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from photo_api.ids import ID_PATTERN
from photo_api.photos.schemas import ALBUM_ID, PHOTO_ID, PhotoOut

Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$",
        description="one line, not blank",
        examples=["Summer in Jeju"],
    ),
]
Description = Annotated[
    str, Field(max_length=2_000, pattern=r"^[^\x00]*$", description="any text", examples=["The first week of August"])
]
PhotoId = Annotated[
    str,
    Field(
        pattern=ID_PATTERN,
        json_schema_extra={"format": "uuid"},
        examples=["0198c6a1-7d5e-7b1c-9a44-3f2f0c1de001"],
    ),
]


class NewAlbum(BaseModel):
    """An album to make."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    description: Description | None = None


class AlbumChange(BaseModel):
    """What to change about an album: fields that are absent stay; ``null`` clears a description or a cover."""

    model_config = ConfigDict(extra="forbid")

    name: Name = Field(default_factory=str)  # may be absent, but not null; never read unless it was sent
    description: Description | None = None
    cover_photo_id: PhotoId | None = Field(None, description="a photo that is in the album")


class PhotosToAdd(BaseModel):
    """Photos to put into an album."""

    model_config = ConfigDict(extra="forbid")

    photo_ids: list[PhotoId] = Field(min_length=1, max_length=100, description="one's own, confirmed photos")


class PhotosAdded(BaseModel):
    """How many photos are new in the album; the others were in it already."""

    added: int = Field(examples=[2])


class AlbumOut(BaseModel):
    """An album, as its owner sees it."""

    id: str = Field(examples=[ALBUM_ID])
    name: str = Field(examples=["Summer in Jeju"])
    description: str | None = Field(examples=["The first week of August"])
    cover_photo_id: str | None = Field(examples=[PHOTO_ID])
    shared: bool = Field(description="whether a share link of it is open", examples=[True])
    created_at: str = Field(examples=["2026-08-09T10:00:00.000Z"])
    updated_at: str = Field(examples=["2026-08-10T18:30:00.000Z"])


class AlbumPage(BaseModel):
    """Albums, newest first."""

    items: list[AlbumOut]
    next_cursor: str | None = Field(description="the cursor of the next page; null on the last", examples=[ALBUM_ID])


class AlbumPhotoPage(BaseModel):
    """Photos of an album, newest first."""

    items: list[PhotoOut]
    next_cursor: str | None = Field(description="the cursor of the next page; null on the last", examples=[PHOTO_ID])
