"""What clients send and get about accounts."""

import unicodedata
from typing import Annotated, Final, Literal

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from photo_api.passwords import prepare

_REFRESH_TOKEN: Final = "kY1v5cQ0n8Jt3Lw6Zr2Xh9Ps4Ud7Mf1Bg0Ea5Ti8Ov3"  # noqa: S105 - nobody's; an example of the form
_ACCESS_TOKEN: Final = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjEifQ.e30.c2lnbmF0dXJl"  # noqa: S105 - likewise


def normalise_email(value: str) -> str:
    """The form an address is stored and compared in: lower case, NFC.

    Raises:
        PydanticCustomError: this is no address; the message does not repeat it.
    """
    try:
        # Nothing is ever sent to an address, so those under .test (RFC 6761) are as good as any.
        return validate_email(value, check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError:
        raise PydanticCustomError("email", "must be an email address") from None


def _counted_password(value: object) -> object:
    """Lengths are those of the prepared password, or NFD keyboards would reach the limits sooner."""
    return prepare(value) if isinstance(value, str) and len(value) <= 1_024 else value


def _normalise_username(value: object) -> object:
    return unicodedata.normalize("NFC", value).lower() if isinstance(value, str) and len(value) <= 200 else value


Email = Annotated[
    str,
    Field(min_length=3, max_length=254, json_schema_extra={"format": "email"}, examples=["mina@example.com"]),
    AfterValidator(normalise_email),
]
# A validator that runs before stands last: placed first, it would hide the constraints from pydantic's own string type,
# which refuses lone surrogates, and the pattern from OpenAPI.
Username = Annotated[
    str,
    Field(
        min_length=3,
        max_length=50,
        pattern=r"^[A-Za-z0-9가-힣][A-Za-z0-9가-힣._-]+[A-Za-z0-9가-힣]$",
        description="letters (Latin, Hangul), digits, and . _ - inside; kept in lower case",
        examples=["mina.kim"],
    ),
    BeforeValidator(_normalise_username),
]
NewPassword = Annotated[
    str,
    Field(
        min_length=8,
        max_length=128,
        description="8 to 128 characters of any kind",
        json_schema_extra={"format": "password"},
        examples=["correct horse battery staple"],
    ),
    BeforeValidator(_counted_password),
]
Password = Annotated[
    str,
    Field(
        min_length=1,
        max_length=128,
        json_schema_extra={"format": "password"},
        examples=["correct horse battery staple"],
    ),
    BeforeValidator(_counted_password),
]


class _Input(BaseModel):
    # Pydantic would show a refused password in its error's text, which a log may hold.
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Registration(_Input):
    """A new account."""

    email: Email
    username: Username
    password: NewPassword


class Login(_Input):
    """Credentials."""

    email: Email
    password: Password


class Refresh(_Input):
    """A refresh token to exchange; each works once."""

    refresh_token: str = Field(
        min_length=1, max_length=256, description="the newest one of this login", examples=[_REFRESH_TOKEN]
    )


class TokenPair(BaseModel):
    """What a login gives: a token to send with each request, and one to get the next pair with."""

    access_token: str = Field(description="a JWT: send it as Authorization: Bearer …", examples=[_ACCESS_TOKEN])
    token_type: Literal["bearer"]
    expires_in: int = Field(description="seconds that the access token is valid for", examples=[900])
    refresh_token: str = Field(description="for POST /auth/refresh; works once", examples=[_REFRESH_TOKEN])


class UserOut(BaseModel):
    """An account, as its owner sees it."""

    id: str = Field(examples=["019ab0c1-02b3-7f64-8d1e-5a9b7c3e2f10"])
    email: str = Field(examples=["mina@example.com"])
    username: str = Field(examples=["mina.kim"])
    created_at: str = Field(examples=["2026-03-01T09:00:00.000Z"])
    last_login_at: str | None = Field(examples=["2026-03-02T09:00:00.000Z"])
    storage_bytes: int = Field(description="bytes of the user's confirmed photos", examples=[7_340_032])
