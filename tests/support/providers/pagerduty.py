"""PagerDuty's Events API v2 (developer.pagerduty.com/docs/events-api-v2/trigger-events)."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.support.providers.server import Answer, Message, Provider

PATH = "/v2/enqueue"
KEY = "sEcReTpAgErDuTyKeY00000000000000"

_LINK: dict[str, Any] = {
    "type": "object",
    "required": ["href", "text"],
    "properties": {"href": {"type": "string", "pattern": "^https?://"}, "text": {"type": "string"}},
}


@dataclass
class PagerDuty(Provider):
    """Takes triggers and resolutions of at most 512 kB, answered 202."""

    schema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "required": ["routing_key", "event_action", "dedup_key", "payload"],
        "additionalProperties": False,
        "properties": {
            "routing_key": {"type": "string", "minLength": 32, "maxLength": 32},
            "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
            "dedup_key": {"type": "string", "minLength": 1, "maxLength": 255},
            "client": {"type": "string"},
            "client_url": {"type": "string", "pattern": "^https?://"},
            "links": {"type": "array", "items": _LINK},
            "images": {"type": "array", "maxItems": 0},
            "payload": {
                "type": "object",
                "required": ["summary", "source", "severity"],
                "properties": {
                    "summary": {"type": "string", "minLength": 1, "maxLength": 1024},
                    "source": {"type": "string", "minLength": 1},
                    "severity": {"enum": ["critical", "error", "warning", "info"]},
                    "timestamp": {"type": "string"},
                    "component": {"type": "string"},
                    "group": {"type": "string"},
                    "class": {"type": "string"},
                    "custom_details": {"type": "object"},
                },
            },
        },
    }

    def judge(self, message: Message) -> list[str]:
        too_long = ["over 512 kB"] if len(json.dumps(message.body).encode()) > 512_000 else []
        return super().judge(message) + too_long

    def answer(self, message: Message) -> Answer:
        if message.path != PATH:
            return 404, "Not Found"
        if message.body["routing_key"] != KEY:
            errors = ["Invalid routing key"]
            return 400, json.dumps({"status": "invalid event", "message": "Event object is invalid", "errors": errors})
        key = message.body["dedup_key"]
        return 202, json.dumps({"status": "success", "message": "Event processed", "dedup_key": key})
