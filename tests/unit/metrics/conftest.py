"""A recorder whose clock the tests turn, and readings of its page by Prometheus' own parsers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from tests.support.clock import Clock

from photo_metrics import Recorder
from photo_metrics.exposition import render_openmetrics, render_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prometheus_client import Metric

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Page:
    """What a scrape of a recorder reads."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def samples(self) -> Samples:
        """Every sample, by name and labels; both formats must tell the same."""
        text = _samples(parse_text(render_text(self.recorder.registry)))
        openmetrics = parse_openmetrics(render_openmetrics(self.recorder.registry))  # type: ignore[no-untyped-call]
        assert text == _samples(openmetrics)
        return text

    def value(self, name: str, **labels: str) -> float | None:
        """One sample; None if it is not there."""
        return self.samples().get((name, frozenset(labels.items())))

    def label_values(self, name: str, label: str) -> dict[str, float]:
        """A metric summed by one label."""
        found: dict[str, float] = {}
        for (sample, labels), value in self.samples().items():
            if sample == name:
                key = dict(labels)[label]
                found[key] = found.get(key, 0.0) + value
        return found


def _samples(families: Iterable[Metric]) -> Samples:
    # The text parser gives every counter the suffix of OpenMetrics, also the one that has it within its name.
    return {
        (sample.name.replace("_total_bytes_total", "_total_bytes"), frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.startswith("process_")
    }


@pytest.fixture
def clock() -> Clock:
    return Clock(1_000_000.0)


@pytest.fixture
def make_recorder(clock: Clock) -> Callable[..., Recorder]:
    def make(**settings: float) -> Recorder:
        return Recorder(
            app="photo-api",
            version="0.1.0",
            environment="development",
            node="host:8001",
            clock=clock,
            **settings,  # type: ignore[arg-type]  # the integer settings are given as integers
        )

    return make


@pytest.fixture
def recorder(make_recorder: Callable[..., Recorder]) -> Recorder:
    return make_recorder()


@pytest.fixture
def page(recorder: Recorder) -> Page:
    return Page(recorder)
