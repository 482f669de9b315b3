"""Dooray! messenger's incoming webhooks: also a refusal is answered 200, with isSuccessful false in the header."""

import json
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.support.providers.server import Answer, Message, Provider

PATH = "/services/1234567890123456789/1234567890123456790/sEcReTdOoRaYtOkEn00000"


def told(*, taken: bool, code: object = 0, words: str = "") -> str:
    """Dooray's answer."""
    return json.dumps({"header": {"isSuccessful": taken, "resultCode": code, "resultMessage": words}, "result": None})


@dataclass
class Dooray(Provider):
    """Takes a text with attachments."""

    schema: ClassVar[dict[str, Any]] = {
        "type": "object",
        "required": ["botName", "text"],
        "additionalProperties": False,
        "properties": {
            "botName": {"type": "string", "minLength": 1},
            "botIconImage": {"type": "string", "pattern": "^https?://"},
            "text": {"type": "string", "minLength": 1, "maxLength": 4000},
            "attachments": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["title"],
                    "additionalProperties": False,
                    "properties": {
                        "title": {"type": "string", "minLength": 1},
                        "titleLink": {"type": "string", "pattern": "^https?://"},
                        "text": {"type": "string", "maxLength": 4000},
                        "color": {"type": "string"},
                    },
                },
            },
        },
    }

    def answer(self, message: Message) -> Answer:
        if message.path != PATH:
            return 200, told(taken=False, code=-1, words="Invalid token")
        return 200, told(taken=True)
