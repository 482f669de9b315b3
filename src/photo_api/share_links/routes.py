"""Routes of share links: the owners' under their albums, the visitors' under ``/share``."""

from time import perf_counter
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request
from pydantic import AfterValidator
from starlette.responses import Response

from photo_api.context import context_of
from photo_api.dependencies import CurrentUser, Cursor, Id, Limit, Services
from photo_api.errors import NotFound, problems
from photo_api.ids import rfc3339
from photo_api.photos.images import HEAD_ANSWERS, IMAGE_ANSWERS, image_response
from photo_api.responses import json_response
from photo_api.routing import DirectRoute
from photo_api.share_links.schemas import TOKEN, SharedView, ShareLinkCreated, ShareLinkIn, ShareLinkPage
from photo_api.share_links.service import Refused, TokenStatus
from photo_metrics import client_prefix

router = APIRouter(route_class=DirectRoute)

Token = Annotated[str, Path(min_length=1, max_length=512, description="from the link's URL", examples=[TOKEN])]


def _from_utf8(value: str | None) -> str | None:
    """A header's octets, which arrive as Latin-1, as the UTF-8 that clients mean where it is valid."""
    try:
        return None if value is None else value.encode("latin-1").decode()
    except UnicodeError:
        return value


SharePassword = Annotated[
    str | None,
    Header(
        alias="X-Share-Password",
        max_length=512,
        description="where the link has a password; UTF-8",
        examples=["picnic-2026"],
    ),
    AfterValidator(_from_utf8),
]


@router.post(
    "/albums/{album_id}/share",
    tags=["share links"],
    summary="Share an album",
    status_code=201,
    response_model=ShareLinkCreated,
    responses=problems(401, 404, 422),
)
async def create_share_link(album_id: Id, link: ShareLinkIn, user: CurrentUser, services: Services) -> Response:
    """Make a link to an album; its token is shown this once."""
    created = await services.share_links.create(user.user_id, album_id, link.expires_in_days, link.password)
    return json_response(
        {
            "id": created.id,
            "token": created.token,
            "url": services.share_links.url(created.token),
            "expires_at": None if created.expires_ms is None else rfc3339(created.expires_ms),
        },
        201,
    )


@router.get(
    "/albums/{album_id}/share",
    tags=["share links"],
    summary="An album's links",
    response_model=ShareLinkPage,
    responses=problems(401, 404, 422),
)
async def list_share_links(
    album_id: Id, user: CurrentUser, services: Services, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """A page of an album's links, newest first, without their tokens."""
    return json_response(await services.share_links.page(user.user_id, album_id, cursor, limit))


@router.delete(
    "/albums/{album_id}/share/{link_id}",
    tags=["share links"],
    summary="Revoke a link",
    status_code=204,
    responses=problems(401, 404, 422),
)
async def revoke_share_link(album_id: Id, link_id: Id, user: CurrentUser, services: Services) -> Response:
    """End a link at once, its images too."""
    await services.share_links.revoke(user.user_id, album_id, link_id)
    return Response(status_code=204)


@router.get(
    "/share/{token}",
    tags=["visitors"],
    summary="View a shared album",
    response_model=SharedView,
    responses=problems(401, 404, 410, 422),
)
async def view_share_link(
    token: Token,
    request: Request,
    services: Services,
    password: SharePassword = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """A page of the album's photos, newest first; no account is needed."""
    started = perf_counter()
    recorder = services.recorder
    status: TokenStatus = "valid"
    served = False
    try:
        view = await services.share_links.view(token, password, cursor, limit)
        served = True
        return json_response(view, headers={"Cache-Control": "private, no-store"})
    except Refused as refused:
        status = refused.status
        if status == "invalid":
            recorder.brute_force_attempt(client_prefix(context_of(request.scope).client_ip))
        raise refused.error from None
    finally:
        recorder.share_link_access(
            token_status=status, result="success" if served else "denied", seconds=perf_counter() - started
        )


@router.head(
    "/share/{token}/photos/{photo_id}/image",
    tags=["visitors"],
    summary="A shared photo's headers",
    response_class=Response,
    responses=problems(401, 404, 410, 422) | HEAD_ANSWERS,
)
@router.get(
    "/share/{token}/photos/{photo_id}/image",
    tags=["visitors"],
    summary="A shared photo's image",
    response_class=Response,
    responses=problems(401, 404, 410, 416, 422) | IMAGE_ANSWERS,
)
async def shared_image(
    token: Token, photo_id: Id, request: Request, services: Services, password: SharePassword = None
) -> Response:
    """The stored bytes of a photo of the shared album; ranges and conditional requests as for one's own."""
    started = perf_counter()
    recorder = services.recorder
    status: TokenStatus = "valid"
    in_album: bool | None = None  # not known where the password, or the database, is in the way
    served = False
    try:
        photo = await services.share_links.photo(token, photo_id, password)
        in_album = photo["id"] is not None
        if not in_album:
            raise NotFound
        response = await image_response(request, services.storage, services.delivery, photo, "visitor")
        served = True
        return response
    except Refused as refused:
        status = refused.status
        if status != "valid":
            in_album = False
        if status == "invalid":
            recorder.brute_force_attempt(client_prefix(context_of(request.scope).client_ip))
        raise refused.error from None
    finally:
        if in_album is not None:
            recorder.share_link_image_access(token_status=status, photo_in_album=in_album)
        recorder.image_access(
            access_type="shared", result="success" if served else "denied", seconds=perf_counter() - started
        )
