"""What routes ask for: the service's components, and the user."""

from typing import Annotated, Final

from fastapi import Depends, Path, Query, Request
from fastapi.security import HTTPBearer
from pydantic import BeforeValidator

from photo_api.components import Components
from photo_api.context import Principal, context_of
from photo_api.errors import Unauthenticated
from photo_api.fields import in_digits
from photo_api.ids import ID_PATTERN


async def components_of(request: Request) -> Components:
    """The service's parts."""
    components: Components = request.app.state.components
    return components


def authenticated(request: Request) -> Principal:
    """The user whom `AuthenticationMiddleware` found.

    Raises:
        Unauthenticated: the request came without a valid access token.
    """
    principal = context_of(request.scope).principal
    if principal is None:
        raise Unauthenticated("Send a valid access token: Authorization: Bearer …")
    return principal


class _BearerScheme(HTTPBearer):
    """Declares the scheme in OpenAPI and answers from the request's context: the token was verified before routing."""

    async def __call__(self, request: Request) -> Principal:  # type: ignore[override]  # a principal, not the header
        return authenticated(request)


def is_bearer(call: object) -> bool:
    """Whether a dependency is the one behind `CurrentUser`."""
    return isinstance(call, _BearerScheme)


_ID: Final = "019ab0c4-7d2e-7cc3-98c4-dc0c0c07398f"

Services = Annotated[Components, Depends(components_of)]
CurrentUser = Annotated[
    Principal, Depends(_BearerScheme(bearerFormat="JWT", description="the access_token of POST /auth/login"))
]
Id = Annotated[str, Path(pattern=ID_PATTERN, examples=[_ID], json_schema_extra={"format": "uuid"})]
Cursor = Annotated[str | None, Query(pattern=ID_PATTERN, examples=[_ID], description="next_cursor of the page before")]
Limit = Annotated[int, Query(ge=1, le=100, examples=[50], description="items a page"), BeforeValidator(in_digits)]
