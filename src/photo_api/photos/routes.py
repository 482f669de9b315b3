"""Routes of photos."""

from time import perf_counter
from typing import Any, Final

from fastapi import APIRouter, Request, Response

from photo_api.content_types import CONTENT_TYPES
from photo_api.dependencies import CurrentUser, Cursor, Id, Limit, Services
from photo_api.errors import TooLarge, problems
from photo_api.ids import ID_PATTERN
from photo_api.photos.direct import FORM_OVERHEAD_BYTES
from photo_api.photos.images import HEAD_ANSWERS, IMAGE_ANSWERS, image_response
from photo_api.photos.multipart import parts_of
from photo_api.photos.schemas import (
    ALBUM_ID,
    ONE_LINE,
    ConfirmIn,
    PhotoChange,
    PhotoOut,
    PhotoPage,
    PresignedUploadIn,
    PresignedUploadOut,
)
from photo_api.responses import json_response
from photo_api.routing import DirectRoute
from photo_api.storage.receiving import body_of

router = APIRouter(route_class=DirectRoute, prefix="/photos", tags=["photos"])

_FORM: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["album_id", "file"],
                "additionalProperties": False,
                "properties": {
                    "album_id": {"type": "string", "format": "uuid", "pattern": ID_PATTERN, "examples": [ALBUM_ID]},
                    "file": {"type": "string", "format": "binary", "description": "with its type and file name"},
                    "title": {"type": "string", "maxLength": 200, "pattern": ONE_LINE, "examples": ["The beach"]},
                    "description": {
                        "type": "string",
                        "maxLength": 4000,
                        "pattern": r"^[^\x00]*$",
                        "examples": ["Early, before the crowds"],
                    },
                },
            },
            "encoding": {"file": {"contentType": ", ".join(CONTENT_TYPES)}},
        }
    },
}


@router.post(
    "/presigned-url",
    response_model=PresignedUploadOut,
    responses=problems(400, 401, 404, 413, 422),
    summary="Announce a photo",
    description="Then send the file to upload_url, and confirm. Not confirmed in time, it is removed.",
)
async def presign_upload(body: PresignedUploadIn, user: CurrentUser, services: Services) -> Response:
    """Where to upload a photo."""
    return json_response(await services.photos.presign(user.user_id, body))


@router.post(
    "/confirm",
    response_model=PhotoOut,
    responses=problems(400, 401, 404, 409, 410, 422),
    summary="Confirm an upload",
    description="Verifies size, checksum, type and that the picture decodes; then it is visible and joins its album. "
    "Again gives the same answer. A refused file (422) is removed: upload another one while the URL is good.",
)
async def confirm_upload(body: ConfirmIn, user: CurrentUser, services: Services) -> Response:
    """Verify an upload and show its photo."""
    return json_response(await services.photos.confirm(user.user_id, body.photo_id))


@router.post(
    "/",
    status_code=201,
    response_model=PhotoOut,
    responses=problems(400, 401, 404, 409, 410, 413, 415, 422),
    summary="Upload a photo in one request",
    description="A form with the file in it, streamed to storage, verified and confirmed at once. "
    "For large files and slow networks a presigned URL is better: it can be sent again.",
    openapi_extra={"requestBody": _FORM},
)
async def upload_photo(request: Request, user: CurrentUser, services: Services) -> Response:
    """Receive a photo as a form."""
    limit = services.settings.max_photo_bytes
    length = request.headers.get("Content-Length", "0")
    if length.isdigit() and int(length[:18]) > limit + FORM_OVERHEAD_BYTES:
        raise TooLarge(f"A photo may have at most {limit} bytes.")
    parts = parts_of(request.headers.get("Content-Type", ""), body_of(request), FORM_OVERHEAD_BYTES)
    photo = await services.photos.upload(user.user_id, parts)
    return json_response(photo, 201, {"Location": f"/photos/{photo['id']}"})


@router.get("/", response_model=PhotoPage, responses=problems(401, 422), summary="Your photos, newest first")
async def list_photos(user: CurrentUser, services: Services, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """A page of confirmed photos."""
    return json_response(await services.photos.page(user.user_id, cursor, limit))


@router.get("/{photo_id}", response_model=PhotoOut, responses=problems(401, 404, 422), summary="One photo")
async def get_photo(photo_id: Id, user: CurrentUser, services: Services) -> Response:
    """A confirmed photo."""
    return json_response(await services.photos.get(user.user_id, photo_id))


@router.patch(
    "/{photo_id}",
    response_model=PhotoOut,
    responses=problems(400, 401, 404, 422),
    summary="Change title and description",
)
async def change_photo(photo_id: Id, body: PhotoChange, user: CurrentUser, services: Services) -> Response:
    """Change what the body names."""
    return json_response(await services.photos.change(user.user_id, photo_id, body.model_dump(exclude_unset=True)))


@router.delete(
    "/{photo_id}",
    status_code=204,
    response_class=Response,
    responses=problems(401, 404, 422),
    summary="Delete a photo",
)
async def delete_photo(photo_id: Id, user: CurrentUser, services: Services) -> Response:
    """Gone at once, from albums and shares too."""
    await services.photos.delete(user.user_id, photo_id)
    return Response(status_code=204)


@router.head(
    "/{photo_id}/image",
    response_class=Response,
    responses=problems(401, 404, 422) | HEAD_ANSWERS,
    summary="A photo's headers",
)
@router.get(
    "/{photo_id}/image",
    response_class=Response,
    responses=problems(401, 404, 416, 422) | IMAGE_ANSWERS,
    summary="A photo's bytes",
    description="One range, If-Range, If-None-Match and If-Modified-Since are understood.",
)
async def photo_image(photo_id: Id, request: Request, user: CurrentUser, services: Services) -> Response:
    """The picture itself; timed to its first byte."""
    started = perf_counter()
    served = False
    try:
        photo = await services.photos.image(user.user_id, photo_id)
        response = await image_response(request, services.storage, services.delivery, photo, "owner")
        served = True
        return response
    finally:
        services.recorder.image_access(
            access_type="authenticated",
            result="success" if served else "denied",
            seconds=perf_counter() - started,
        )
