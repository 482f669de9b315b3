"""Alerts of a common shape: what must not be written, and that what is written is what is tested."""

import pytest

from photo_monitoring.alert_shapes import share_of
from photo_monitoring.criteria import Text, warning

TEXT = Text("글", "text")


@pytest.mark.parametrize(
    ("part", "others"),
    [
        ('a_total{via="one"}', 'b_total{via="other"}'),
        ('a_total{via="one"}', 'a_total{how="other"}'),
        ("a_total", 'a_total{via="other"}'),
    ],
)
def test_a_share_of_what_is_no_pair_is_refused(part: str, others: str) -> None:
    tiers = (warning(None, 0.1, "5m", minimum=50),)
    with pytest.raises(ValueError, match="no two values of one counter's label"):
        share_of("Some", part=part, others=others, tiers=tiers, summary=TEXT, next_steps=(TEXT,), description=TEXT)
