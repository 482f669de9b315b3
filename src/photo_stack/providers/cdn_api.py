"""NHN CDN's API for tokens, as its public documents have it (API v2.0, "auth-token"): always 200, the header says more.

A token for a single path, or for one or more patterns with ``*``; ``encryptKey`` signs it, and is not compared with
anything: a wrong one gives tokens that the edge refuses.
"""

import hmac
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from photo_stack.providers.edge_tokens import make_token
from photo_stack.providers.faults import FaultSwitch

_MAX_BODY_BYTES: Final = 64 * 1024
_LONGEST_SESSION_BYTES: Final = 36
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2}){16,64}")
_FORMS: Final = {
    "singlePath": "singlePathToken",
    "singleWildcardPath": "singleWildcardPathToken",
    "multipleWildcardPath": "multipleWildcardPathToken",
}


@dataclass
class TokenApi:
    """One CDN service's API; ``clock`` is Unix time."""

    app_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    clock: Callable[[], float] = time.time
    requests: int = 0
    """How often it was asked, refusals included."""

    async def answer(self, request: web.Request) -> web.Response:
        """``POST /v2.0/appKeys/{app_key}/auth-token``."""
        self.requests += 1
        try:
            token = self._token(request, await request.read())
        except _Refused as refused:
            return _answer({"isSuccessful": False, "resultCode": refused.code, "resultMessage": str(refused)})
        header = {"isSuccessful": True, "resultCode": 0, "resultMessage": "SUCCESS"}
        return _answer(header, authToken=token)

    def _token(self, request: web.Request, body: bytes) -> dict[str, str]:
        known = hmac.compare_digest(request.match_info["app_key"].encode(), self.app_key.encode())
        secret = request.headers.get("Authorization", "")
        if not (known and hmac.compare_digest(secret.encode(), self.secret_key.encode())):
            raise _Refused(-1, "app key or secret key is not valid")
        try:
            asked = json.loads(body)
        except ValueError:
            raise _Refused(-2, "the body is not JSON") from None
        if not isinstance(asked, dict):
            raise _Refused(-2, "the body is not an object")
        return _token_for(asked, self.clock())

    def application(self) -> web.Application:
        """The API as an application of its own, with faults to be told of."""
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        FaultSwitch().install(app)
        app.router.add_post("/v2.0/appKeys/{app_key}/auth-token", self.answer)
        return app


class _Refused(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def _token_for(asked: dict[str, Any], now: float) -> dict[str, str]:
    """``authToken`` of the answer."""
    key, seconds, session = asked.get("encryptKey"), asked.get("durationSeconds"), asked.get("sessionId")
    if not (isinstance(key, str) and _HEX.fullmatch(key)):
        raise _Refused(-3, "encryptKey must be hexadecimal")
    if type(seconds) is not int or seconds < 1:
        raise _Refused(-3, "durationSeconds must be a positive integer")
    if session is not None and not (isinstance(session, str) and 0 < len(session.encode()) <= _LONGEST_SESSION_BYTES):
        raise _Refused(-3, "sessionId must be a string of 1 to 36 bytes")
    forms = [form for form in _FORMS if form in asked]
    if len(forms) != 1:
        raise _Refused(-3, f"exactly one of {', '.join(_FORMS)} must be given")
    paths = asked[forms[0]] if forms[0] == "multipleWildcardPath" else [asked[forms[0]]]
    if not (isinstance(paths, list) and paths and all(isinstance(p, str) and p.startswith("/") for p in paths)):
        raise _Refused(-3, f"{forms[0]} must begin with /")
    signing, expires = bytes.fromhex(key), int(now) + seconds
    if forms[0] == "singlePath":
        token = make_token(signing, expires, path=paths[0], session=session)
    else:
        token = make_token(signing, expires, patterns=paths, session=session)
    return {_FORMS[forms[0]]: token}


def _answer(header: dict[str, object], **rest: object) -> web.Response:
    return web.json_response({"header": header, **rest})
