"""What a client can be told, as one tree; each class carries its status, one handler writes problem+json (RFC 9457).

ApiError
├── InvalidInput            422   the request is well-formed, but a value in it cannot be accepted
│   └── ContentRejected     422   an uploaded file is not what was declared
├── MalformedRequest        400
├── Unauthenticated         401
├── Forbidden               403
├── NotFound                404   also what a caller may not know of
├── Conflict                409
├── Gone                    410
├── LengthRequired          411
├── TooLarge                413
├── UnsupportedMediaType    415
├── RangeNotSatisfiable     416
├── TooManyRequests         429
└── Unavailable             503   a dependency is away; retriable
    └── DatabaseUnavailable 503
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from photo_api.context import context_of
from photo_metrics import HANDLER_KEY, RouteTable

PROBLEM_JSON = "application/problem+json"
_LONGEST_FIELD = 200  # the name of an unknown field is the client's


class ApiError(Exception):
    """An answer other than success; ``detail`` is read by people and never holds a secret."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "Internal server error"

    def __init__(self, detail: str | None = None, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.headers = dict(headers or {})


class MalformedRequest(ApiError):
    """The request cannot be read at all."""

    status = 400
    title = "Malformed request"


class InvalidInput(ApiError):
    """A value in a readable request cannot be accepted."""

    status = 422
    title = "Invalid input"


class ContentRejected(InvalidInput):
    """An uploaded file is not what was declared, or no picture at all."""

    title = "Content rejected"


class Unauthenticated(ApiError):
    """No, or no valid, credentials."""

    status = 401
    title = "Authentication required"

    def __init__(self, detail: str | None = None, *, scheme: str | None = "Bearer") -> None:
        super().__init__(detail, headers={"WWW-Authenticate": scheme} if scheme else {})


class Forbidden(ApiError):
    """Known, but not allowed."""

    status = 403
    title = "Forbidden"


class NotFound(ApiError):
    """Does not exist, or the caller may not know that it does."""

    status = 404
    title = "Not found"


class Conflict(ApiError):
    """Contradicts what is stored."""

    status = 409
    title = "Conflict"


class Gone(ApiError):
    """Was here, and is no longer."""

    status = 410
    title = "Gone"


class LengthRequired(ApiError):
    """An upload without Content-Length."""

    status = 411
    title = "Length required"


class TooLarge(ApiError):
    """A body beyond its limit."""

    status = 413
    title = "Content too large"


class UnsupportedMediaType(ApiError):
    """A body of a type that this route does not take."""

    status = 415
    title = "Unsupported media type"


class RangeNotSatisfiable(ApiError):
    """No byte of the range exists (RFC 9110, 14.4)."""

    status = 416
    title = "Range not satisfiable"

    def __init__(self, size: int) -> None:
        super().__init__(headers={"Content-Range": f"bytes */{size}"})


class TooManyRequests(ApiError):
    """A rate limit was passed."""

    status = 429
    title = "Too many requests"


class Unavailable(ApiError):
    """A dependency is away; the same request can be sent again."""

    status = 503
    title = "Service unavailable"

    def __init__(self, detail: str | None = None, *, retry_after_seconds: int = 2) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after_seconds)})


class DatabaseUnavailable(Unavailable):
    """The database did not answer, or refused."""


class InvalidField(BaseModel):
    """One field that was refused."""

    field: str = Field(description="where it is", examples=["body.email"])
    message: str = Field(examples=["Field required"])


class Problem(BaseModel):
    """RFC 9457 problem details, the body of every error."""

    type: str = Field(
        "about:blank", description="always about:blank: title and status say it all", examples=["about:blank"]
    )
    title: str = Field(examples=[NotFound.title])
    status: int = Field(examples=[NotFound.status])
    detail: str | None = Field(None, examples=["There is no such album."])
    request_id: str = Field(
        description="also in X-Request-ID, and in the log", examples=["019ab0c4-7d2e-7cc3-98c4-dc0c0c07398f"]
    )
    errors: list[InvalidField] | None = Field(
        None,
        description="with 422, the fields that were refused",
        examples=[[{"field": "body.email", "message": "Field required"}]],
    )


def problem_response(
    status: int,
    title: str,
    detail: str | None,
    request_id: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: list[dict[str, str]] | None = None,
) -> Response:
    """A problem+json answer."""
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "request_id": request_id}
    if detail:
        body["detail"] = detail
    if errors:
        body["errors"] = errors
    return Response(orjson.dumps(body), status, dict(headers or {}), PROBLEM_JSON)


def problem_of(error: ApiError, request_id: str) -> Response:
    """The answer that an error stands for."""
    return problem_response(error.status, error.title, error.detail, request_id, headers=error.headers)


_CLASSES: dict[int, type[ApiError]] = {
    c.status: c
    for c in (
        MalformedRequest, InvalidInput, Unauthenticated, Forbidden, NotFound, Conflict, Gone, LengthRequired, TooLarge,
        UnsupportedMediaType, TooManyRequests, Unavailable,
    )
}  # fmt: skip


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI ``responses`` of a route: the given errors, and 429, 500 and 503, which every route can answer."""
    described = {status: error.title for status, error in _CLASSES.items()}
    described |= {RangeNotSatisfiable.status: RangeNotSatisfiable.title, ApiError.status: ApiError.title}
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {
        status: {"description": described[status], "model": Problem, "content": {PROBLEM_JSON: schema}}
        for status in sorted({*statuses, 429, 500, 503})
    }


def _methods_by_template(app: FastAPI) -> dict[str, str]:
    """``Allow`` of each route template: the router itself names only the first route's methods."""
    methods: dict[str, list[str]] = {}
    for route in RouteTable.from_fastapi(app).declared():
        methods.setdefault(route.template, []).append(route.method)
    return {template: ", ".join(sorted(found)) for template, found in methods.items()}


def install_error_handlers(app: FastAPI) -> None:
    """Every foreseeable error leaves as problem+json; what is not foreseen is the middleware's. Routes come first."""
    allowed = _methods_by_template(app)

    @app.exception_handler(ApiError)
    async def _api_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)  # noqa: S101 - the handler's own registration says so
        return problem_of(error, context_of(request.scope).request_id)

    @app.exception_handler(HTTPException)
    async def _http_exception(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        known = _CLASSES.get(error.status_code)
        title = known.title if known else str(error.detail)
        detail = None if error.detail == title else str(error.detail)
        request_id = context_of(request.scope).request_id
        headers = dict(error.headers or {})
        if error.status_code == 405 and (methods := allowed.get(request.scope[HANDLER_KEY])):
            headers["Allow"] = methods
        return problem_response(error.status_code, title, detail, request_id, headers=headers)

    @app.exception_handler(RequestValidationError)
    async def _validation(request: Request, error: Exception) -> Response:
        """Names the fields and never repeats their values: one of them may be a password."""
        assert isinstance(error, RequestValidationError)  # noqa: S101
        request_id = context_of(request.scope).request_id
        found = error.errors()
        if any(item["type"] == "json_invalid" for item in found):
            return problem_response(400, MalformedRequest.title, "The body is not valid JSON.", request_id)
        if isinstance(error.body, bytes):  # FastAPI parsed it as nothing, for its type was not JSON's
            return problem_of(UnsupportedMediaType("Send application/json."), request_id)
        fields = [
            {"field": ".".join(str(part) for part in item["loc"])[:_LONGEST_FIELD], "message": str(item["msg"])}
            for item in found[:20]
        ]
        return problem_response(422, InvalidInput.title, "Some fields were refused.", request_id, errors=fields)
