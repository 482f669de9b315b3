"""Opsgenie, by an API integration (docs.opsgenie.com/docs/alert-api). Its API is announced to end on 2027-04-05."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from photo_monitoring.configuration.settings import SYSTEM
from photo_monitoring.routing import options, templates
from photo_monitoring.routing.answers import expect, post
from photo_monitoring.routing.channel import CRITICAL_ONLY, Channel, Key, Place, Secret, Test


@dataclass(frozen=True, slots=True, kw_only=True)
class Opsgenie(Channel):
    """An alert for each group of critical alerts; closed with it."""

    name = "opsgenie"
    title = "Opsgenie"
    integration = "opsgenie"
    takes = CRITICAL_ONLY
    on_call = True
    example: ClassVar[Mapping[str, object]] = {"api_key_file": "/etc/photo-monitoring/opsgenie-api-key"}
    notice = "its API is announced to end on 2027-04-05: move on-call to another provider before"

    api_key: Annotated[Secret, Key("The key of an API integration")]
    api_url: Annotated[str, Key("The API; in the EU https://api.eu.opsgenie.com", options.url)] = (
        "https://api.opsgenie.com"
    )
    team: Annotated[str | None, Key("The team that responds; else the integration's own", options.text)] = None

    def receiver(self, place: Place) -> dict[str, list[dict[str, Any]]]:
        """An alert of priority 1 (a warning: 3), with the lists as description and the links as details."""
        config: dict[str, Any] = {
            "send_resolved": True,
            "api_key_file": place.secret_file(self, "api_key"),
            "api_url": f"{self.api_url.rstrip('/')}/",
            "message": templates.use("photo.title"),
            "description": templates.use("photo.text"),
            "source": SYSTEM,
            "entity": templates.use("photo.subject"),
            "priority": templates.OPSGENIE_PRIORITY,
            "tags": f"{SYSTEM},{templates.SEVERITY}",
            "details": {link: templates.use(template) for link, template in templates.LINKS.items()},
        }
        if self.team:
            config["responders"] = [{"name": self.team, "type": "team"}]
        return {"opsgenie_configs": [config]}

    async def ask(self, secrets: Mapping[str, str], message: Test) -> None:
        """Opsgenie answers 202; the alert is closed at once."""
        base = f"{self.api_url.rstrip('/')}/v2/alerts"
        headers = {"Authorization": f"GenieKey {secrets['api_key']}"}
        create = {"message": message.title, "alias": message.fingerprint, "source": SYSTEM, "priority": "P5"}
        close = {"source": SYSTEM}
        for url, body in ((base, create), (f"{base}/{message.fingerprint}/close?identifierType=alias", close)):
            answer = await post(url, body, headers=headers, secrets=secrets.values())
            expect(answer, (202,), "channels.opsgenie.api_key_file")


CHANNEL = Opsgenie
