"""The Korean texts as people get them, each read and kept here: value, unit, threshold and duration are true.

A changed text shows up as a difference; read it, then write it into texts.ko.txt.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from photo_monitoring.alerts import ALERTS
from photo_monitoring.annotations import expected, read_value
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.criteria import Unit

APPROVED = Path(__file__).parent / "texts.ko.txt"
SAMPLE_LABELS = {
    "alertmanager": "http://127.0.0.1:9093/api/v2/alerts",
    "client_id": "203.0.113.0/24",
    "device": "/dev/vda1",
    "direction": "receive",
    "fstype": "ext4",
    "instance": "api-1",
    "integration": "slack",
    "job": "photo-api",
    "mountpoint": "/",
    "reason": "queue_full",
    "service": "cdn",
    "user_id": "0198b2c4-6f00-7000-8000-00000000002a",
}


def rendered() -> Iterator[str]:
    for alert in ALERTS:
        for tier in alert.tiers:
            value = 1.02 * (alert.share if alert.share is not None else tier.threshold)
            if alert.compare == "<":
                value = 0.98 * tier.threshold
            texts = expected(alert, tier, Settings(), SAMPLE_LABELS, value)
            yield f"{alert.name} {tier.severity} ({alert.subject})\n  {texts['summary']}\n  {texts['description']}"


def test_every_korean_text_is_the_approved_one() -> None:
    assert "\n".join(rendered()) == APPROVED.read_text(encoding="utf-8").rstrip("\n")


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        (Unit.RATIO, 0.0712, "7.12%"),
        (Unit.PER_MINUTE, 50.5, "50.5"),
        (Unit.COUNT, 5050.0, "5050"),
        (Unit.BYTES, 99_000_000.0, "99MB"),
        (Unit.BYTES, 990.0, "990B"),
        (Unit.BYTES, 12_500_000_000.0, "12.5GB"),
        (Unit.TIMES, 5.05, "5.05"),
        (Unit.SECONDS, 630.0, "630"),
    ],
)
def test_values_are_read_with_their_unit(unit: Unit, value: float, text: str) -> None:
    assert read_value(unit, value) == text
