"""Slack, by an incoming webhook; it shows attachments with buttons (api.slack.com/messaging/webhooks)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from photo_monitoring.routing import options, templates
from photo_monitoring.routing.answers import expect, post
from photo_monitoring.routing.channel import BOTH, Channel, Key, Place, Secret, Test


@dataclass(frozen=True, slots=True, kw_only=True)
class Slack(Channel):
    """Critical at once, warnings outside quiet hours."""

    name = "slack"
    title = "Slack"
    integration = "slack"
    takes = BOTH
    example: ClassVar[Mapping[str, object]] = {"url_file": "/etc/photo-monitoring/slack-url"}

    url: Annotated[Secret, Key("The incoming webhook's URL, https://hooks.slack.com/services/…")]
    channel: Annotated[str | None, Key("The channel, where the webhook is a legacy one", options.name)] = None

    def receiver(self, place: Place) -> dict[str, list[dict[str, Any]]]:
        """One attachment; the links are its buttons."""
        config: dict[str, Any] = {
            "send_resolved": True,
            "api_url_file": place.secret_file(self, "url"),
            "color": templates.SLACK_COLOR,
            "title": templates.use("photo.slack.title"),
            "title_link": templates.use("photo.dashboard"),
            "fallback": templates.use("photo.title"),
            "text": templates.use("photo.slack.text"),
            "footer": place.settings.console_url,
            "mrkdwn_in": ["text"],
            "actions": [
                {"type": "button", "text": templates.word(link, place.settings.lang), "url": templates.use(template)}
                for link, template in templates.LINKS.items()
            ],
        }
        if self.channel:
            config["channel"] = self.channel
        return {"slack_configs": [config]}

    async def ask(self, secrets: Mapping[str, str], message: Test) -> None:
        """Slack answers 200 `ok`, or 4xx with a word that says why."""
        shown = {"title": message.title, "fallback": message.title, "text": message.text, "color": "#439fe0"}
        body: dict[str, Any] = {"attachments": [shown]}
        if self.channel:
            body["channel"] = self.channel
        answer = await post(secrets["url"], body, secrets=secrets.values())
        expect(answer, (200,), "channels.slack.url_file")


CHANNEL = Slack
