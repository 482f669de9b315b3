"""Slack's incoming webhooks (api.slack.com/messaging/webhooks, …/reference/messaging/attachments)."""

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.support.providers.server import Answer, Message, Provider

PATH = "/services/T00000000/B00000000/sEcReTsLaCkWeBhOoK000000"

_LINK: dict[str, Any] = {"type": "string", "pattern": "^https?://[^ <>|]+$", "maxLength": 3000}
_TEXT = re.compile(r"<(?!https?://[^ <>|]+(?:\|[^<>|]*)?>)|&(?!amp;|lt;|gt;)")


@dataclass
class Slack(Provider):
    """Takes attachments; their text has markup of which `<`, `>` and `&` are escaped."""

    schema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "required": ["attachments"],
        "additionalProperties": False,
        "properties": {
            "channel": {"type": "string"},
            "username": {"type": "string"},
            "attachments": {
                "type": "array",
                "minItems": 1,
                "maxItems": 20,
                "items": {
                    "type": "object",
                    "required": ["fallback", "text", "title", "color"],
                    "properties": {
                        "title": {"type": "string", "minLength": 1, "maxLength": 1024},
                        "title_link": _LINK,
                        "fallback": {"type": "string", "minLength": 1},
                        "text": {"type": "string", "minLength": 1, "maxLength": 8000},
                        "color": {"enum": ["good", "warning", "danger", "#439fe0"]},
                        "mrkdwn_in": {"type": "array", "items": {"enum": ["text", "pretext", "fields"]}},
                        "footer": {"type": "string", "maxLength": 300},
                        "actions": {
                            "type": "array",
                            "maxItems": 5,
                            "items": {
                                "type": "object",
                                "required": ["type", "text", "url"],
                                "properties": {
                                    "type": {"const": "button"},
                                    "text": {"type": "string", "minLength": 1, "maxLength": 30},
                                    "url": _LINK,
                                },
                            },
                        },
                    },
                },
            },
        },
    }

    def judge(self, message: Message) -> list[str]:
        texts = [
            text for one in message.body.get("attachments", []) for text in (one.get("text", ""), one.get("title", ""))
        ]
        stray = [f"stray markup: {hit.group()!r}" for text in texts for hit in _TEXT.finditer(text)]
        return super().judge(message) + stray

    def answer(self, message: Message) -> Answer:
        return (200, "ok") if message.path == PATH else (404, "no_service")
