"""CDN tokens asked of NHN CDN (API v2.0, ``auth-token``), which always answers 200: the header in the body says more.

Policy: an API that is away, slow or says no raises `ServiceAway` and counts as a failure of the service ``cdn``, the no
too, for it is a wrong key or a fault of theirs, and stays for the next path.
"""

import re
from typing import Any, Final

import orjson

from photo_api.config import Settings
from photo_api.external.calls import ExternalCalls
from photo_api.external.errors import ServiceAway
from photo_metrics import Recorder

_TOKEN: Final = re.compile(r"[A-Za-z0-9=~!*%._+-]{1,2048}")
"""What can stand in a query as it is: an answer is not trusted with our Location header."""
_LARGEST_ANSWER_BYTES: Final = 64 * 1024


class NhnCdnTokens:
    """Asks for tokens of single paths."""

    def __init__(self, settings: Settings, recorder: Recorder) -> None:
        """The settings have the CDN's keys (`Settings` refuses to be without)."""
        app_key, secret_key, encrypt_key = (
            "" if key is None else key.get_secret_value()
            for key in (settings.cdn_app_key, settings.cdn_secret_key, settings.cdn_encrypt_key)
        )
        self._url = f"{settings.cdn_api_url}/v2.0/appKeys/{app_key}/auth-token"
        self._headers = {"Authorization": secret_key, "Content-Type": "application/json"}
        self._encrypt_key = encrypt_key
        self._calls = ExternalCalls("cdn", settings, recorder, timeout_seconds=settings.cdn_timeout_seconds)

    async def open(self) -> None:
        """Make ready; nothing is asked yet."""
        await self._calls.open()

    async def close(self) -> None:
        """Close the connections."""
        await self._calls.close()

    async def token(self, path: str, session: str, seconds: int) -> str:
        """A token for ``path`` (absolute, unescaped) that is good for ``seconds`` from now; ``session`` ≤ 36 bytes.

        Raises:
            Unavailable: there is none to be had now; `CircuitOpen` without asking.
        """
        body = {"encryptKey": self._encrypt_key, "durationSeconds": seconds, "singlePath": path, "sessionId": session}
        # Asking again makes another token and changes nothing.
        asking = self._calls.request(
            "token", "POST", self._url, headers=self._headers, data=orjson.dumps(body), idempotent=True
        )
        async with asking as answer:
            if answer.status != 200:
                raise ServiceAway(f"The CDN's API answered {answer.status}.", answered=answer.status)
            return _token_in(await self._calls.read(answer, max_bytes=_LARGEST_ANSWER_BYTES))


def _token_in(content: bytes) -> str:
    """``authToken.singlePathToken`` of an answer; raises `ServiceAway` where it is none, or a refusal."""
    try:
        answer: Any = orjson.loads(content)
        header = answer["header"]
        if header["isSuccessful"] is not True:
            code = header["resultCode"] if type(header.get("resultCode")) is int else "unknown"
            raise ServiceAway(
                f"The CDN's API refused to make a token (resultCode {code}); PHOTO_API_CDN_APP_KEY or "
                "PHOTO_API_CDN_SECRET_KEY may be wrong."
            )
        token = answer["authToken"]["singlePathToken"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        token = None
    if not (isinstance(token, str) and _TOKEN.fullmatch(token)):
        raise ServiceAway("The CDN's API answered without a token.")
    return token
