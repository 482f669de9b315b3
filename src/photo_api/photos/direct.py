"""The form of ``POST /photos/``: its texts are read, its file goes to storage as it comes."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, ValidationError

from photo_api.content_types import CONTENT_TYPES, ContentType
from photo_api.errors import ContentRejected, InvalidInput, Unavailable, UnsupportedMediaType
from photo_api.photos.multipart import Part
from photo_api.photos.schemas import Description, Filename, Title, Uuid
from photo_api.storage.base import ObjectStorage, StoredObject

FORM_OVERHEAD_BYTES: Final = 64 * 1024
_TEXT_BYTES: Final = 16 * 1024
_TEXTS: Final = ("album_id", "title", "description")


class UploadForm(BaseModel):
    """The texts of the form, and what the file's part says of itself."""

    model_config = ConfigDict(extra="forbid")

    album_id: Uuid
    title: Title | None = None
    description: Description | None = None
    filename: Filename
    content_type: ContentType


@dataclass(frozen=True, slots=True)
class DirectUpload:
    """A form received, its file stored but not sealed."""

    form: UploadForm
    upload: StoredObject


async def receive_form(
    parts: AsyncIterator[Part], storage: ObjectStorage, object_key: str, max_bytes: int
) -> DirectUpload:
    """Read the form to its end; whatever is raised, its file has been removed again.

    Raises:
        UnsupportedMediaType: the file's type is none of ours.
        TooLarge: the file has more than ``max_bytes``.
        InvalidInput, RequestValidationError: a field is missing, unknown, given twice, or refused.
    """
    form = _Form(storage, object_key, max_bytes)
    try:
        async for part in parts:
            await form.receive(part)
        return DirectUpload(_validated(form.values), _not_empty(form.upload))
    except BaseException:
        if form.upload is not None:
            with suppress(Unavailable):  # then it is swept later
                await storage.discard(form.upload)
        raise


class _Form:
    """What has been received so far."""

    def __init__(self, storage: ObjectStorage, object_key: str, max_bytes: int) -> None:
        self._storage = storage
        self._object_key = object_key
        self._max_bytes = max_bytes
        self.values: dict[str, str] = {}
        self.upload: StoredObject | None = None

    async def receive(self, part: Part) -> None:
        """Read one part to its end."""
        if part.name in self.values or (part.name == "file" and self.upload is not None):
            raise InvalidInput(f"The field {part.name!r} is given twice.")
        if part.name == "file":
            self.values |= _described(part)
            self.upload = await self._storage.store(self._object_key, part.content_type, self._max_bytes, part.chunks())
        elif part.name in _TEXTS:
            text = await part.text(_TEXT_BYTES)
            if text or part.name == "album_id":  # a form cannot leave a text field out: empty is none
                self.values[part.name] = text
        else:
            raise InvalidInput("The form has a field that is not known; known: file, " + ", ".join(_TEXTS) + ".")


def _described(part: Part) -> dict[str, str]:
    if part.filename is None:
        raise InvalidInput("The field 'file' must be a file.")
    if part.content_type not in CONTENT_TYPES:
        raise UnsupportedMediaType("The file's type must be one of " + ", ".join(CONTENT_TYPES) + ".")
    return {"filename": part.filename, "content_type": part.content_type}


def _validated(values: dict[str, str]) -> UploadForm:
    if "filename" not in values:
        raise InvalidInput("The field 'file' is missing.")
    try:
        return UploadForm.model_validate(values)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise RequestValidationError([{**item, "loc": ("body", *item["loc"])} for item in found]) from None


def _not_empty(upload: StoredObject | None) -> StoredObject:
    if upload is None or upload.size == 0:
        raise ContentRejected("The file is empty.")
    return upload
