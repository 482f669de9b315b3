"""Routes under ``/auth``."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from photo_api.accounts.schemas import Login, Refresh, Registration, TokenPair, UserOut
from photo_api.accounts.service import IssuedTokens
from photo_api.dependencies import CurrentUser, Services
from photo_api.errors import problems
from photo_api.ids import rfc3339
from photo_api.responses import json_response
from photo_api.routing import DirectRoute

router = APIRouter(route_class=DirectRoute, prefix="/auth", tags=["accounts"])

_NO_STORE = {"Cache-Control": "no-store"}  # tokens stay out of caches (RFC 6749, 5.1)


@router.post(
    "/register",
    status_code=201,
    response_model=UserOut,
    responses=problems(400, 409, 422),
    summary="Create an account",
)
async def register(body: Registration, services: Services) -> Response:
    """Answers 409 when the email address or the username is taken."""
    user = await services.accounts.register(body.email, body.username, body.password)
    return json_response(_user(user.id, user.email, user.username, user.created_ms, None, 0), 201)


@router.post("/login", response_model=TokenPair, responses=problems(400, 401, 422), summary="Log in")
async def login(body: Login, services: Services) -> Response:
    """Gives an access token, and a refresh token to get the next pair with."""
    return _pair(await services.accounts.login(body.email, body.password))


@router.post("/refresh", response_model=TokenPair, responses=problems(400, 401, 422), summary="Get the next tokens")
async def refresh(body: Refresh, services: Services) -> Response:
    """A refresh token works once; one that comes again ends the login it belongs to."""
    return _pair(await services.accounts.refresh(body.refresh_token))


@router.post("/logout", status_code=204, responses=problems(401), summary="Log out")
async def logout(user: CurrentUser, services: Services) -> Response:
    """Ends the login that the access token comes from: none of its refresh tokens works any more."""
    await services.accounts.logout(user)
    return Response(status_code=204)


@router.get("/me", response_model=UserOut, responses=problems(401), summary="One's own account")
async def me(user: CurrentUser, services: Services) -> Response:
    """The account of the access token's user."""
    row = await services.accounts.me(user.user_id)
    return json_response(
        _user(row["id"], row["email"], row["username"], row["created_ms"], row["last_login_ms"], row["photo_bytes"])
    )


def _user(
    user_id: str, email: str, username: str, created_ms: int, last_login_ms: int | None, storage_bytes: int
) -> dict[str, Any]:
    return {
        "id": user_id,
        "email": email,
        "username": username,
        "created_at": rfc3339(created_ms),
        "last_login_at": None if last_login_ms is None else rfc3339(last_login_ms),
        "storage_bytes": storage_bytes,
    }


def _pair(tokens: IssuedTokens) -> Response:
    content = {
        "access_token": tokens.access_token,
        "token_type": "bearer",
        "expires_in": tokens.expires_in_seconds,
        "refresh_token": tokens.refresh_token,
    }
    return json_response(content, headers=_NO_STORE)
