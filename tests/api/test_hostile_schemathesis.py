"""Requests made from the OpenAPI description against the real command, and every answer held to the description.

Three kinds of clients: without a token, with one and ids that nobody has, with one and ids of what exists. The cases
are the same in every run; ``HOSTILE_EXAMPLES=500`` makes a longer search of it, with other cases each time.
"""

import io
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import schemathesis
from PIL import Image
from pydantic import SecretStr
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import negative_data_rejection
from tests.support.service import PASSWORD
from tests.support.serving import Served, serving

from photo_api.app import create_app
from photo_api.config import Settings

pytestmark = pytest.mark.timeout(900)

LONGER = int(os.environ.get("HOSTILE_EXAMPLES", "0"))
Case = schemathesis.Case[Any]


ACCEPTED = ["2xx", "3xx", "401", "403", "404", "409", "429"]
EXCEPTIONS: list[dict[str, Any]] = [
    {
        # With another method it is a path of /photos/{photo_id}: the id is refused before the method is.
        # 413: the description cannot know a setting.
        "include-path": "/photos/presigned-url",
        "checks": {
            "unsupported_method": {"enabled": False},
            "positive_data_acceptance": {"expected-statuses": [*ACCEPTED, "413"]},
        },
    },
    {"include-path": "/photos/confirm", "checks": {"unsupported_method": {"enabled": False}}},
    {
        # What is generated as a file is no picture.
        "include-path": "/photos/",
        "include-method": "POST",
        "checks": {"positive_data_acceptance": {"expected-statuses": [*ACCEPTED, "422"]}},
    },
]


@schemathesis.serializer("image/heic", "image/jpeg", "image/png", "image/gif", "image/webp")
def as_it_is(_: schemathesis.SerializationContext, value: object) -> bytes:
    """An image's type is only a label here: any bytes will do."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@dataclass(frozen=True)
class World:
    """A server, a user, and what there is for him to ask for."""

    served: Served
    client: httpx.Client
    email: str
    album_id: str
    photo_id: str
    share_token: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": self.client.headers["Authorization"]}

    def new_album(self) -> str:
        return str(created(self.client.post("/albums/", json={"name": "Holiday"}))["id"])

    def new_link(self) -> str:
        return str(created(self.client.post(f"/albums/{self.album_id}/share", json={}))["id"])


def created(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code in {200, 201}, answer.text
    body: dict[str, Any] = answer.json()
    return body


def new_photo(client: httpx.Client, album_id: str) -> str:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(file, "PNG")
    files = {"file": ("a.png", file.getvalue(), "image/png")}
    return str(created(client.post("/photos/", data={"album_id": album_id}, files=files))["id"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with (
        serving(tmp_path_factory.mktemp("schemathesis"), access_log="all", access_token_seconds="86400") as served,
        httpx.Client(base_url=served.url, timeout=60) as client,
    ):
        account = {"email": "mina@example.com", "username": "mina", "password": PASSWORD}
        created(client.post("/auth/register", json=account))
        tokens = created(client.post("/auth/login", json={"email": account["email"], "password": PASSWORD}))
        client.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        album_id = created(client.post("/albums/", json={"name": "Holiday"}))["id"]
        photo_id = new_photo(client, album_id)
        token = created(client.post(f"/albums/{album_id}/share", json={}))["token"]
        yield World(served, client, account["email"], album_id, photo_id, token)
        assert served.faults(PASSWORD, tokens["access_token"], tokens["refresh_token"], token) == []


def described(examples: int, *, coverage: bool) -> schemathesis.BaseSchema:
    """The description, and how it is to be tested. Making the application opens nothing."""
    config = schemathesis.Config.from_dict(
        {
            "generation": {
                "deterministic": not LONGER,
                "max-examples": LONGER or examples,
                "database": "none",
                "no-shrink": not LONGER,
                "allow-extra-parameters": False,  # parameters that nobody knows are ignored, as everywhere
            },
            "phases": {"coverage": {"enabled": coverage}},
            "operations": EXCEPTIONS,
        }
    )
    return schemathesis.openapi.from_dict(create_app(Settings(secret_key=SecretStr("k" * 32))).openapi(), config=config)


anonymous = described(10, coverage=False)
strangers = described(10, coverage=False)
owners = described(20, coverage=True)


def send(case: Case, world: World, headers: dict[str, str]) -> None:
    """Send a case and hold its answer to every check."""
    # An array or object becomes one name several times, of which the last counts: it may be a valid one.
    repeated = any(isinstance(value, list | dict) for value in case.query.values())
    case.call_and_validate(
        base_url=world.served.url,
        headers=headers,
        timeout=60,
        excluded_checks=[negative_data_rejection] if repeated else [],
    )


@anonymous.parametrize()
def test_without_a_token(case: Case, world: World) -> None:
    send(case, world, {})


@strangers.parametrize()
def test_with_a_token_and_ids_that_nobody_has(case: Case, world: World) -> None:
    send(case, world, world.bearer)


@owners.parametrize()
def test_with_a_token_and_ids_of_what_exists(case: Case, world: World) -> None:
    if case.meta is not None:
        if not case.meta.is_negative_at(ParameterLocation.PATH):
            fill_in_path(case, world)
        if not case.meta.is_negative_at(ParameterLocation.BODY):
            fill_in_body(case, world)
    send(case, world, world.bearer)


def fill_in_path(case: Case, world: World) -> None:
    """Ids of the user's own things; what would be gone afterwards is made for the purpose."""
    deleting = case.method == "DELETE"
    needs_album = deleting and case.operation.path == "/albums/{album_id}"
    makers: dict[str, Callable[[], str]] = {
        "album_id": lambda: world.new_album() if needs_album else world.album_id,
        "photo_id": lambda: new_photo(world.client, world.album_id) if deleting else world.photo_id,
        "link_id": world.new_link,
        "token": lambda: world.share_token,
    }
    for name in set(case.path_parameters) & set(makers):
        case.path_parameters[name] = makers[name]()


def fill_in_body(case: Case, world: World) -> None:
    """Likewise; and the user's own credentials."""
    values: dict[str, Any] = {
        "album_id": world.album_id,
        "photo_id": world.photo_id,
        "photo_ids": [world.photo_id],
        "cover_photo_id": world.photo_id,
    }
    if case.operation.path == "/auth/login":
        values |= {"email": world.email, "password": PASSWORD}
    if isinstance(case.body, dict):
        case.body.update({name: value for name, value in values.items() if name in case.body})
