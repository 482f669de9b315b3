"""The kinds of pictures that the service takes, by media type (RFC 6838)."""

from typing import Final, Literal, get_args

ContentType = Literal["image/jpeg", "image/png", "image/gif", "image/webp", "image/heic"]

CONTENT_TYPES: Final[tuple[ContentType, ...]] = get_args(ContentType)
