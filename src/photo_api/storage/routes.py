"""Upload URLs of the embedded store."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi import Path as PathParameter

from photo_api.content_types import CONTENT_TYPES
from photo_api.dependencies import Services
from photo_api.errors import LengthRequired, MalformedRequest, NotFound, problems
from photo_api.routing import DirectRoute
from photo_api.storage.filesystem import FileSystemStorage
from photo_api.storage.receiving import body_of

router = APIRouter(route_class=DirectRoute, tags=["storage"])

_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in CONTENT_TYPES},
}


@router.put(
    "/storage/{key}",
    summary="Upload to a presigned URL",
    description="The upload_url of POST /photos/presigned-url; needs no access token, the URL is the permission. "
    "Content-Type and Content-Length must be the ones declared. May be sent again until the photo is confirmed.",
    response_class=Response,
    responses=problems(400, 403, 404, 409, 411, 413, 422)
    | {
        200: {
            "description": "Stored; confirm the photo next",
            "headers": {"ETag": {"description": "of the stored bytes", "schema": {"type": "string"}}},
        }
    },
    openapi_extra={"requestBody": _BODY},
)
async def upload(
    services: Services,
    request: Request,
    key: Annotated[
        str,
        PathParameter(max_length=100, description="the object_key", examples=["019ab0c4-7d2e-7cc3-98c4-dc0c0c07398f"]),
    ],
    expires: Annotated[
        str,
        Query(pattern=r"^[1-9][0-9]{0,11}$", description="Unix time, exactly as in the URL", examples=["1795401287"]),
    ],
    signature: Annotated[str, Query(max_length=200, description="exactly as in the URL", examples=["6c1f0d"])],
) -> Response:
    """Store the body; nothing is stored unless all of it came."""
    storage = services.storage
    if not isinstance(storage, FileSystemStorage):
        raise NotFound("Uploads go to the object storage itself; ask for an upload URL.")
    length = request.headers.get("Content-Length")
    if length is None:
        raise LengthRequired("Send Content-Length: its value is part of the signature.")
    if not (length.isascii() and length.isdigit() and len(length) <= 18):
        raise MalformedRequest("Content-Length is not a number of bytes.")
    stored = await storage.receive_upload(
        key,
        expires=int(expires),
        signature=signature,
        content_type=request.headers.get("Content-Type", ""),
        size=int(length),
        chunks=body_of(request),
    )
    return Response(status_code=200, headers={"ETag": f'"{stored.etag}"'})
