"""A program that takes Alertmanager's webhook, version 4 (prometheus.io/docs/alerting/latest/configuration)."""

from dataclasses import dataclass
from typing import Any, ClassVar

from tests.support.providers.server import Answer, Message, Provider

TOKEN = "sEcReTwEbHoOkToKeN"

_TEXTS: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "string"}}
_TIME: dict[str, Any] = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"}


@dataclass
class Webhook(Provider):
    """Takes groups of alerts with the right token."""

    schema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "required": ["version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "alerts"],
        "properties": {
            "version": {"const": "4"},
            "groupKey": {"type": "string", "minLength": 1},
            "truncatedAlerts": {"type": "integer", "minimum": 0},
            "status": {"enum": ["firing", "resolved"]},
            "receiver": {"type": "string", "minLength": 1},
            "groupLabels": _TEXTS,
            "commonLabels": _TEXTS,
            "commonAnnotations": _TEXTS,
            "externalURL": {"type": "string"},
            "alerts": {
                "type": "array",
                "minItems": 1,
                "maxItems": 100,
                "items": {
                    "type": "object",
                    "required": ["status", "labels", "annotations", "startsAt", "endsAt", "fingerprint"],
                    "properties": {
                        "status": {"enum": ["firing", "resolved"]},
                        "labels": _TEXTS,
                        "annotations": _TEXTS,
                        "startsAt": _TIME,
                        "endsAt": _TIME,
                        "generatorURL": {"type": "string"},
                        "fingerprint": {"type": "string", "minLength": 1},
                    },
                },
            },
        },
    }

    token: str | None = TOKEN

    def answer(self, message: Message) -> Answer:
        wanted = f"Bearer {self.token}" if self.token else None
        return (200, "") if message.headers.get("authorization") == wanted else (401, "unknown token")
