"""NHN Cloud's identity service on this machine: tokens for a local Swift, asked for as there.

Run as ``python -m photo_stack.providers.identity --host … --port … --swift URL``. It keeps no secret: tempauth of that
Swift (`swift_server`) knows the tenant (its account), user and password, and makes the token. A token's life is what
is left of it there, ``--token-seconds`` at most.

``POST /v2.0/tokens`` answers 200 with ``access.token.{id, expires, tenant.id}``, 400 for a body that is none of the
contract's, 401 for what tempauth does not know, 502 while Swift is away or in trouble.
Faults: `photo_stack.providers.faults`.
"""

import argparse
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Annotated

import aiohttp
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from photo_stack.providers.faults import FaultSwitch
from photo_stack.providers.serving import serve

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_LARGEST_BODY = 64 * 1024
_Name = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[!-~]+$")]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Credentials(_Closed):
    username: _Name
    password: _Name


class _Auth(_Closed):
    tenant_id: _Name = Field(alias="tenantId")
    credentials: _Credentials = Field(alias="passwordCredentials")


class _Asked(_Closed):
    auth: _Auth


class Identity:
    """Tokens of the Swift at ``swift_url``; none is said to live longer than ``token_seconds``."""

    def __init__(self, swift_url: str, token_seconds: float) -> None:
        self._swift_url = swift_url
        self._token_seconds = token_seconds
        self._session: aiohttp.ClientSession | None = None

    def application(self) -> web.Application:
        """The server, without a port."""
        application = web.Application(client_max_size=_LARGEST_BODY)
        FaultSwitch().install(application)
        application.add_routes([web.post("/v2.0/tokens", self._tokens), web.get("/-/ready", self._ready)])
        application.cleanup_ctx.append(self._connected)
        return application

    async def _connected(self, _: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as self._session:
            yield

    async def _ready(self, _: web.Request) -> web.Response:
        return web.Response(text="ready\n")

    async def _tokens(self, request: web.Request) -> web.Response:
        try:
            auth = _Asked.model_validate_json(await request.read()).auth
        except ValidationError:
            return _error(400, "the body must be auth.tenantId and auth.passwordCredentials.{username, password}")
        headers = {
            "X-Auth-User": f"{auth.tenant_id}:{auth.credentials.username}",
            "X-Auth-Key": auth.credentials.password,
        }
        assert self._session is not None  # noqa: S101 - requests come while it is open
        try:
            async with self._session.get(f"{self._swift_url}/auth/v1.0", headers=headers) as answer:
                if answer.status == 401:
                    return _error(401, "tenant, user or password is wrong")
                if answer.status != 200:
                    return _error(502, f"Swift answers {answer.status}")
                token = answer.headers["X-Auth-Token"]
                seconds = min(self._token_seconds, float(answer.headers["X-Auth-Token-Expires"]))
        except (aiohttp.ClientError, TimeoutError):
            return _error(502, "Swift does not answer")
        now = datetime.now(UTC)
        return web.json_response(
            {
                "access": {
                    "token": {
                        "id": token,
                        "issued_at": _zulu(now),
                        "expires": _zulu(now + timedelta(seconds=seconds)),
                        "tenant": {"id": auth.tenant_id, "name": auth.tenant_id, "enabled": True},
                    },
                    "user": {"username": auth.credentials.username},
                }
            }
        )


def _zulu(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"code": status, "message": message}}, status=status)


def main() -> int:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="photo_stack.providers.identity", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--swift", required=True, help="origin of the Swift whose tempauth is asked")
    parser.add_argument("--token-seconds", type=float, default=3_600.0, help="at most (default: %(default)g)")
    arguments = parser.parse_args()
    serve(Identity(arguments.swift.rstrip("/"), arguments.token_seconds).application(), arguments.host, arguments.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
