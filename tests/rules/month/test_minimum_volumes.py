"""Minimum volumes are high enough: two failures alone never fire a ratio, as the month showed that they may."""

import pytest

from photo_monitoring.alerts import ALERTS
from photo_monitoring.criteria import Alert, Tier

EXTRAPOLATION = 1.25
"""`increase()` over five minutes makes 20 of 16 events when scrapes are a minute apart."""

RATIOS = [
    (alert, tier) for alert in ALERTS if alert.volume is not None and alert.compare == ">" for tier in alert.tiers
]


@pytest.mark.parametrize(("alert", "tier"), RATIOS, ids=lambda part: getattr(part, "subject", None) or part.severity)
def test_two_failures_alone_are_within_the_threshold(alert: Alert, tier: Tier) -> None:
    assert tier.minimum is not None
    limit = alert.share if alert.share is not None else tier.threshold
    fewest = tier.minimum / EXTRAPOLATION
    assert 2 / fewest <= limit


def test_there_are_ratios_to_look_at() -> None:
    assert len(RATIOS) > 20
