"""Asking a provider directly, and saying in a few words why it did not take a message; no secret is ever repeated."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from photo_monitoring.routing.channel import Refused

if TYPE_CHECKING:
    import aiohttp

TIMEOUT_SECONDS: Final = 10.0
_LONGEST_BODY: Final = 240
_MOST_BYTES: Final = 16_384
_SHORTEST_SECRET: Final = 4


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answered: status, the beginning of its body, and the JSON document where it is one."""

    status: int
    body: str
    document: object = None


def without_secrets(text: str, secrets: Iterable[str], longest: int = _LONGEST_BODY) -> str:
    """Return the text in one line, with every secret, and every part of a secret URL's path, blotted out."""
    parts = {part for secret in secrets for part in (secret, *re.split(r"[/?&=#]", secret))}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _SHORTEST_SECRET and part not in {"http:", "https:"}:
            text = text.replace(part, "…")
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _is_here(url: str) -> bool:
    """Say whether a URL leads to this machine, where no proxy is asked (as Alertmanager does)."""
    host = urlsplit(url).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")


async def _beginning(response: "aiohttp.ClientResponse") -> bytes:
    found = bytearray()
    while len(found) < _MOST_BYTES and (part := await response.content.read(_MOST_BYTES - len(found))):
        found += part
    return bytes(found)


def _document(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except ValueError:
        return None


async def post(
    url: str,
    body: Mapping[str, Any],
    *,
    headers: Mapping[str, str] | None = None,
    secrets: Iterable[str] = (),
    seconds: float = TIMEOUT_SECONDS,
) -> Answer:
    """Post JSON and return the answer, whatever its status; `Refused` when there is none within `seconds`."""
    import aiohttp  # noqa: PLC0415 - no command but those that ask needs it

    hidden = tuple(secrets)
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=not _is_here(url)) as session,
            session.post(url, json=dict(body), headers=dict(headers or {}), allow_redirects=False) as response,
        ):
            raw = await _beginning(response)
            return Answer(response.status, without_secrets(raw.decode(errors="replace"), hidden), _document(raw))
    except TimeoutError as error:
        msg = f"it did not answer within {seconds:g} s"
        raise Refused(msg) from error
    except aiohttp.ClientConnectorDNSError as error:
        msg = "its host name is not known: is the address right?"
        raise Refused(msg) from error
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as error:
        msg = "its TLS certificate is not trusted, or it speaks no TLS there"
        raise Refused(msg) from error
    except aiohttp.ClientConnectorError as error:
        msg = f"no connection: {without_secrets(error.strerror or 'refused', hidden)}"
        raise Refused(msg) from error
    except ValueError as error:  # aiohttp's are ClientError too
        msg = "its address is no URL"
        raise Refused(msg) from error
    except (aiohttp.ClientError, OSError) as error:
        msg = "it closed the connection without an answer"
        raise Refused(msg) from error


def expect_adapter(answer: Answer) -> None:
    """Raise `Refused` with what an adapter of ours says of its provider, unless that took the message."""
    if answer.status == 502:
        raise Refused(answer.body)
    expect(answer, (200,), "the adapter's address, adapter_url")


def expect(answer: Answer, accepted: Iterable[int], setting: str) -> None:
    """Raise `Refused` unless the status is one of `accepted`; `setting` is what gives the credentials."""
    if answer.status in set(accepted):
        return
    said = f"{answer.status} {answer.body}".strip()
    if answer.status in {401, 403}:
        msg = f"it refuses our credentials ({said}): check {setting}"
    elif answer.status in {404, 410}:
        msg = f"there is no such address ({said}): check {setting}"
    elif answer.status == 429:
        msg = f"it has had too many messages from us ({said})"
    elif answer.status >= 500:
        msg = f"the provider fails ({said})"
    elif 300 <= answer.status < 400:
        msg = f"it sends us elsewhere ({answer.status}), which Alertmanager does not follow: check {setting}"
    else:
        msg = f"it refuses the message ({said}): check {setting}"
    raise Refused(msg)
