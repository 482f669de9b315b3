"""Durations: read, scaled, said."""

import pytest

from photo_monitoring.durations import duration, scaled, seconds, words


@pytest.mark.parametrize(
    ("text", "value"), [("30s", 30), ("1h30m", 5400), ("6d23h30m", 603_000), ("500ms", 0.5), ("1w", 604_800)]
)
def test_a_duration_is_read_and_written_back(text: str, value: float) -> None:
    assert seconds(text) == value
    assert duration(value) == text


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "1.5h", "5y"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        seconds(text)


def test_scaling_divides_exactly() -> None:
    assert [scaled("5m", 10), scaled("1h", 7200), scaled("30d", 1)] == ["30s", "500ms", "30d"]


def test_words_are_in_days_at_most() -> None:
    assert words("30d", "ko") == "30일"
    assert words("1h30m", "ko") == "1시간 30분"
    assert words("1m", "en") == "1 minute"
    assert words("5m", "en") == "5 minutes"
