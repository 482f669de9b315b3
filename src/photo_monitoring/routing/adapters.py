"""Small servers between Alertmanager and providers that it cannot speak to, or whose address is a secret.

Alertmanager posts its webhook; the adapter answers 200 once the provider took the message, and 502 with the reason when
it did not, so that Alertmanager tries again. No address or secret is ever in an answer or a log line.
"""

import logging
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from aiohttp import web

from photo_monitoring.routing.answers import expect, post, without_secrets
from photo_monitoring.routing.channel import Refused
from photo_monitoring.routing.dooray_message import NotAWebhook, dooray_message
from photo_monitoring.routing.routes import WATCHDOG
from photo_monitoring.routing.webhooks import TEST_ALERT

if TYPE_CHECKING:
    from photo_monitoring.configuration.settings import Settings

SECONDS: Final = 5.0
"""How long a provider may take: Alertmanager itself waits ten seconds at least."""

# A hundred alerts, with texts far longer than ours: what is refused here, Alertmanager would not send again.
_MAX_BODY_BYTES: Final = 64 << 20
_log = logging.getLogger("photo_monitoring.adapters")


class Adapter(ABC):
    """Passes messages on."""

    path: str
    """Where Alertmanager posts."""
    provider: str
    """What the provider is called in the log."""

    @abstractmethod
    async def send(self, payload: object) -> None:
        """Pass one webhook on; `Refused` when the provider did not take it, `NotAWebhook` when it is none."""

    async def take(self, request: web.Request) -> web.Response:
        """Answer Alertmanager."""
        try:
            await self.send(await request.json())
        except (NotAWebhook, ValueError):
            return web.Response(status=400, text="not a webhook of Alertmanager\n")
        except Refused as refusal:
            _log.warning("%s did not take a message: %s", self.provider, refusal)
            return web.Response(status=502, text=f"{self.provider} did not take the message: {refusal}\n")
        return web.Response(text="taken\n")


class DoorayAdapter(Adapter):
    """Speaks Dooray's format, and reads whether it took the message: it answers 200 either way."""

    path = "/alerts"
    provider = "Dooray"

    def __init__(self, url: str, settings: "Settings", seconds: float = SECONDS) -> None:
        self._url, self._settings, self._seconds = url, settings, seconds

    async def send(self, payload: object) -> None:
        """Post the message and judge `header.isSuccessful`."""
        answer = await post(
            self._url, dooray_message(payload, self._settings), secrets=(self._url,), seconds=self._seconds
        )
        expect(answer, (200,), "channels.dooray.url_file")
        header = answer.document.get("header") if isinstance(answer.document, dict) else None
        header = header if isinstance(header, dict) else {}
        if header.get("isSuccessful") is not True:
            words = " ".join(str(header[key]) for key in ("resultCode", "resultMessage") if key in header)
            reason = without_secrets(words, (self._url,)) or "no reason given"
            msg = f"it refuses the message ({reason}): check channels.dooray.url_file"
            raise Refused(msg)


class DeadMansSwitchAdapter(Adapter):
    """Reports to a dead man's switch while the Watchdog fires."""

    path = "/watchdog"
    provider = "the dead man's switch"

    def __init__(self, url: str, seconds: float = SECONDS) -> None:
        self._url, self._seconds = url, seconds

    async def send(self, payload: object) -> None:
        """Report; what is resolved, or no Watchdog, is no sign of life."""
        try:
            firing = [alert["labels"]["alertname"] for alert in payload["alerts"] if alert["status"] == "firing"]  # type: ignore[index]  # what it is shows in reading it
        except (KeyError, TypeError) as error:
            msg = "not a webhook of Alertmanager"
            raise NotAWebhook(msg) from error
        if not {WATCHDOG, TEST_ALERT} & set(firing):
            return
        answer = await post(self._url, {"alerts": firing}, secrets=(self._url,), seconds=self._seconds)
        expect(answer, range(200, 300), "channels.dead_mans_switch.url_file")


def application(adapter: Adapter) -> web.Application:
    """Return the adapter's HTTP side; `/-/ready` answers once it listens."""

    async def ready(_: web.Request) -> web.Response:
        return web.Response(text="ready\n")

    app = web.Application(client_max_size=_MAX_BODY_BYTES)
    app.add_routes([web.post(adapter.path, adapter.take), web.get("/-/ready", ready)])
    return app
