"""PagerDuty, by an Events API v2 integration (developer.pagerduty.com/docs/events-api-v2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from photo_monitoring.configuration.settings import SYSTEM
from photo_monitoring.routing import options, templates
from photo_monitoring.routing.answers import expect, post
from photo_monitoring.routing.channel import CRITICAL_ONLY, Channel, Key, Place, Secret, Test


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerDuty(Channel):
    """An incident for each group of critical alerts; resolved with it."""

    name = "pagerduty"
    title = "PagerDuty"
    integration = "pagerduty"
    takes = CRITICAL_ONLY
    on_call = True
    example: ClassVar[Mapping[str, object]] = {"routing_key_file": "/etc/photo-monitoring/pagerduty-routing-key"}

    routing_key: Annotated[Secret, Key("The integration key of an Events API v2 integration")]
    url: Annotated[str, Key("Where events go", options.url)] = "https://events.pagerduty.com/v2/enqueue"

    def receiver(self, place: Place) -> dict[str, list[dict[str, Any]]]:
        """An event with the lists as details and the links as links."""
        return {
            "pagerduty_configs": [
                {
                    "send_resolved": True,
                    "url": self.url,
                    "routing_key_file": place.secret_file(self, "routing_key"),
                    "client": SYSTEM,
                    "client_url": place.settings.console_url,
                    "description": templates.use("photo.title"),
                    "severity": templates.PAGERDUTY_SEVERITY,
                    "component": SYSTEM,
                    "group": templates.use("photo.subject"),
                    "details": {
                        "firing": templates.use("photo.short.firing"),
                        "resolved": templates.use("photo.short.resolved"),
                        "num_firing": "{{ .Alerts.Firing | len }}",
                        "num_resolved": "{{ .Alerts.Resolved | len }}",
                    },
                    "links": [
                        {"href": templates.use(template), "text": templates.word(link, place.settings.lang)}
                        for link, template in templates.LINKS.items()
                    ],
                }
            ]
        }

    async def ask(self, secrets: Mapping[str, str], message: Test) -> None:
        """PagerDuty answers 202; the incident is resolved at once."""
        for action in ("trigger", "resolve"):
            body: dict[str, Any] = {
                "routing_key": secrets["routing_key"],
                "event_action": action,
                "dedup_key": message.fingerprint,
                "payload": {"summary": message.title, "source": SYSTEM, "severity": "info"},
            }
            answer = await post(self.url, body, secrets=secrets.values())
            expect(answer, (202,), "channels.pagerduty.routing_key_file")


CHANNEL = PagerDuty
