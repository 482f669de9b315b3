"""Routes under ``/albums``; share links of albums are the share-link slice's."""

from fastapi import APIRouter
from starlette.responses import Response

from photo_api.albums.schemas import (
    AlbumChange,
    AlbumOut,
    AlbumPage,
    AlbumPhotoPage,
    NewAlbum,
    PhotosAdded,
    PhotosToAdd,
)
from photo_api.dependencies import CurrentUser, Cursor, Id, Limit, Services
from photo_api.errors import problems
from photo_api.responses import json_response
from photo_api.routing import DirectRoute

router = APIRouter(route_class=DirectRoute, prefix="/albums", tags=["albums"])


@router.post("/", status_code=201, response_model=AlbumOut, responses=problems(400, 401, 422), summary="Make an album")
async def create_album(body: NewAlbum, user: CurrentUser, services: Services) -> Response:
    """Makes an empty album."""
    return json_response(await services.albums.create(user.user_id, body.name, body.description), 201)


@router.get("/", response_model=AlbumPage, responses=problems(401, 422), summary="One's albums")
async def list_albums(user: CurrentUser, services: Services, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Newest first."""
    return json_response(await services.albums.page(user.user_id, cursor, limit))


@router.get("/{album_id}", response_model=AlbumOut, responses=problems(401, 404, 422), summary="One album")
async def get_album(album_id: Id, user: CurrentUser, services: Services) -> Response:
    """An album of one's own."""
    return json_response(await services.albums.get(user.user_id, album_id))


@router.patch("/{album_id}", response_model=AlbumOut, responses=problems(400, 401, 404, 422), summary="Change an album")
async def change_album(album_id: Id, body: AlbumChange, user: CurrentUser, services: Services) -> Response:
    """Fields that are absent stay as they are; ``null`` clears the description or the cover."""
    changes = body.model_dump(exclude_unset=True)
    return json_response(await services.albums.change(user.user_id, album_id, changes))


@router.delete("/{album_id}", status_code=204, responses=problems(401, 404, 422), summary="Delete an album")
async def delete_album(album_id: Id, user: CurrentUser, services: Services) -> Response:
    """Its share links end; its photos stay."""
    await services.albums.delete(user.user_id, album_id)
    return Response(status_code=204)


@router.get(
    "/{album_id}/photos",
    response_model=AlbumPhotoPage,
    responses=problems(401, 404, 422),
    summary="The photos in an album",
)
async def list_album_photos(
    album_id: Id, user: CurrentUser, services: Services, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """Newest first."""
    return json_response(await services.albums.photos(user.user_id, album_id, cursor, limit))


@router.post(
    "/{album_id}/photos",
    response_model=PhotosAdded,
    responses=problems(400, 401, 404, 422),
    summary="Put photos into an album",
)
async def add_album_photos(album_id: Id, body: PhotosToAdd, user: CurrentUser, services: Services) -> Response:
    """All or none; photos that are in it already stay in it."""
    return json_response({"added": await services.albums.add_photos(user.user_id, album_id, body.photo_ids)})


@router.delete(
    "/{album_id}/photos/{photo_id}",
    status_code=204,
    responses=problems(401, 404, 422),
    summary="Take a photo out of an album",
)
async def remove_album_photo(album_id: Id, photo_id: Id, user: CurrentUser, services: Services) -> Response:
    """The photo itself stays; where it was the cover, the album has none."""
    await services.albums.remove_photo(user.user_id, album_id, photo_id)
    return Response(status_code=204)
