"""The bucket of the photos, where the service speaks S3 and cannot make one: its CDN reads it by Temp URLs."""

from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp

from photo_stack.errors import StackError

_TIMEOUT: Final = aiohttp.ClientTimeout(total=20)


def making_container(
    origin: str, *, user: str, password: str, container: str, temp_url_key: str
) -> Callable[[aiohttp.ClientSession], Awaitable[None]]:
    """A function that makes the container with its key for Temp URLs, or gives it the key; ``user``: account:name.

    Raises:
        StackError: from the function, where Swift refuses or does not answer.
    """

    async def make(http: aiohttp.ClientSession) -> None:
        credentials = {"X-Auth-User": user, "X-Auth-Key": password}
        account = user.partition(":")[0]
        try:
            async with http.get(f"{origin}/auth/v1.0", headers=credentials, timeout=_TIMEOUT) as answer:
                answer.raise_for_status()
                token = answer.headers["X-Auth-Token"]
            headers = {"X-Auth-Token": token, "X-Container-Meta-Temp-Url-Key": temp_url_key}
            url = f"{origin}/v1/AUTH_{account}/{container}"
            async with http.put(url, headers=headers, timeout=_TIMEOUT) as answer:
                answer.raise_for_status()
        except aiohttp.ClientResponseError as error:
            raise StackError(f"did not make the container {container}: it answered {error.status}") from None
        except (aiohttp.ClientError, TimeoutError, KeyError):
            raise StackError(f"did not make the container {container}: no whole answer") from None

    return make
