"""Dooray! messenger, by an incoming webhook, through an adapter of ours that speaks its format."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from photo_monitoring.routing import options
from photo_monitoring.routing.answers import expect_adapter, post
from photo_monitoring.routing.channel import BOTH, Channel, Key, Place, Secret, Test
from photo_monitoring.routing.webhooks import MOST_ALERTS, payload


@dataclass(frozen=True, slots=True, kw_only=True)
class Dooray(Channel):
    """Critical at once, warnings outside quiet hours; `photo-monitoring dooray-adapter` must run."""

    name = "dooray"
    title = "Dooray!"
    integration = "webhook"
    takes = BOTH
    example: ClassVar[Mapping[str, object]] = {"url_env": "DOORAY_WEBHOOK_URL"}
    notice = "`photo-monitoring dooray-adapter` must run at its adapter_url"

    url: Annotated[Secret, Key("The incoming webhook's URL, https://….dooray.com/services/…; the adapter reads it")]
    adapter_url: Annotated[str, Key("Where the adapter listens", options.url)] = "http://127.0.0.1:9096"

    def receiver(self, place: Place) -> dict[str, list[dict[str, Any]]]:
        """Alertmanager's webhook to the adapter."""
        config = {"send_resolved": True, "url": f"{self.adapter_url.rstrip('/')}/alerts", "max_alerts": MOST_ALERTS}
        return {"webhook_configs": [config]}

    def rendered_secrets(self) -> tuple[str, ...]:
        """None: Alertmanager never sees the URL."""
        return ()

    async def ask(self, secrets: Mapping[str, str], message: Test) -> None:
        """Ask the adapter, which says what Dooray said."""
        answer = await post(f"{self.adapter_url.rstrip('/')}/alerts", payload(message), secrets=secrets.values())
        expect_adapter(answer)


CHANNEL = Dooray
