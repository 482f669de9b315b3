"""The load's account: what counts as what, and what the reader is shown."""

import json

import pytest

from photo_stack.load.counts import Counts, LatencyHistogram


def test_quantiles_are_within_one_percent() -> None:
    histogram = LatencyHistogram()
    for milliseconds in range(1, 1001):
        histogram.observe(milliseconds / 1000)
    assert histogram.quantile(0.5) == pytest.approx(0.5, rel=0.011)
    assert histogram.quantile(0.95) == pytest.approx(0.95, rel=0.011)
    assert histogram.quantile(0.99) == pytest.approx(0.99, rel=0.011)
    assert histogram.summary()["max"] == 1000.0


def test_an_empty_histogram_has_no_quantiles() -> None:
    assert LatencyHistogram().quantile(0.95) is None
    assert LatencyHistogram().summary() == {}


def test_answers_are_counted_by_operation_status_and_class() -> None:
    counts = Counts()
    for status in (200, 200, 304):
        counts.request("image", bytes_sent=0)
        counts.answer("image", status, seconds=0.01, expected=True, get=True)
    image = counts.as_json()["operations"]["image"]
    assert image["status"] == {"200": 2, "304": 1}
    assert image["status_class"] == {"2xx": 2, "3xx": 1}
    assert counts.problems == 0


def test_a_get_without_answer_or_with_an_unexpected_one_is_a_failed_get() -> None:
    counts = Counts()
    counts.transport_error("image", "disconnected", get=True)
    counts.answer("image", 503, seconds=0.01, expected=False, get=True)
    counts.answer("confirm", 503, seconds=0.01, expected=False, get=False)
    assert counts.failed_gets == 2
    assert counts.problems == 3


def test_a_broken_body_is_no_failed_get_and_a_problem_only_where_it_is_lost() -> None:
    counts = Counts()
    counts.broken_body("image", 200)
    assert (counts.broken_bodies, counts.failed_gets, counts.problems) == (1, 0, 0)
    counts.lost_bodies += 1
    assert counts.problems == 1


def test_a_breach_is_a_problem() -> None:
    counts = Counts()
    counts.breaches["foreign_photo_listed"] += 1
    assert counts.problems == 1


def test_samples_cut_out_what_looks_like_a_token_and_keep_two_of_a_kind() -> None:
    counts = Counts()
    token = "Zm9vYmFyYmF6cXV4" * 3
    for _ in range(5):
        counts.sample("share_view", "500", f"no share {token} here")
    assert len(counts.samples) == 2
    assert token not in json.dumps(counts.as_json())
    assert "no share [cut] here" in json.dumps(counts.as_json())
