"""Opsgenie's alert API (docs.opsgenie.com/docs/alert-api): create and close by alias."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from tests.support.providers.server import Answer, Message, Provider

PATH = "/v2/alerts"
KEY = "sEcReTo0-psge-niek-ey00-000000000000"


@dataclass
class Opsgenie(Provider):
    """Takes creations, and closings at a path of their own; both answered 202."""

    schema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "required": ["message"],
        "additionalProperties": False,
        "properties": {
            "message": {"type": "string", "minLength": 1, "maxLength": 130},
            "alias": {"type": "string", "maxLength": 512},
            "description": {"type": "string", "maxLength": 15000},
            "responders": {
                "type": "array",
                "maxItems": 50,
                "items": {"type": "object", "required": ["type"]},
            },
            "tags": {"type": "array", "maxItems": 20, "items": {"type": "string", "minLength": 1, "maxLength": 50}},
            "details": {"type": "object", "additionalProperties": {"type": "string"}},
            "entity": {"type": "string", "maxLength": 512},
            "source": {"type": "string", "maxLength": 100},
            "priority": {"enum": ["P1", "P2", "P3", "P4", "P5"]},
            "note": {"type": "string", "maxLength": 25000},
        },
    }

    def judge(self, message: Message) -> list[str]:
        if urlsplit(message.path).path != PATH:
            return []
        long = sum(len(name) + len(value) for name, value in message.body.get("details", {}).items()) > 8000
        return super().judge(message) + (["details over 8000 characters"] if long else [])

    def answer(self, message: Message) -> Answer:
        path, query = urlsplit(message.path).path, urlsplit(message.path).query
        if message.headers.get("authorization") != f"GenieKey {KEY}":
            return 401, json.dumps({"message": "Could not authenticate", "took": 0.001, "requestId": "1"})
        closes = path.startswith(f"{PATH}/") and path.endswith("/close") and query == "identifierType=alias"
        if path != PATH and not closes:
            return 404, "Not Found"
        return 202, json.dumps({"result": "Request will be processed", "took": 0.001, "requestId": "1"})
