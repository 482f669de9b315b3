"""Any HTTP endpoint, by Alertmanager's webhook format, version 4."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from photo_monitoring.routing import options
from photo_monitoring.routing.answers import expect, post
from photo_monitoring.routing.channel import BOTH, Channel, Key, Place, Secret, Test
from photo_monitoring.routing.webhooks import MOST_ALERTS, payload


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook(Channel):
    """Alerts as JSON to a program of your own."""

    name = "webhook"
    title = "Webhook"
    integration = "webhook"
    takes = BOTH
    example: ClassVar[Mapping[str, object]] = {
        "url": "https://alerts.example.com/photo-api",
        "credentials_file": "/etc/photo-monitoring/webhook-token",
    }

    url: Annotated[str, Key("Where alerts are posted; Alertmanager 0.25 takes it from no file", options.url)]
    credentials: Annotated[Secret | None, Key("The token that is sent as `Authorization: Bearer`")] = None

    def receiver(self, place: Place) -> dict[str, list[dict[str, Any]]]:
        """At most 100 alerts a message; the payload says how many were left out."""
        config: dict[str, Any] = {"send_resolved": True, "url": self.url, "max_alerts": MOST_ALERTS}
        if self.credentials:
            config["http_config"] = {"authorization": {"credentials_file": place.secret_file(self, "credentials")}}
        return {"webhook_configs": [config]}

    async def ask(self, secrets: Mapping[str, str], message: Test) -> None:
        """Any answer of 2xx will do."""
        token = secrets.get("credentials")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await post(self.url, payload(message), headers=headers, secrets=secrets.values())
        expect(answer, range(200, 300), "channels.webhook.url and credentials_file")


CHANNEL = Webhook
