from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photo_metrics.bounded import HOUR_SECONDS, BoundedCounter, BoundedSettings, Places
from photo_metrics.registry import Registry
from photo_metrics.spec import LabelKind, LabelSpec, MetricSpec, MetricType, Text

if TYPE_CHECKING:
    from tests.support.clock import Clock

SPEC = MetricSpec(
    name="hits_total",
    type=MetricType.COUNTER,
    help=Text(ko="", en="Help."),
    labels=(
        LabelSpec("endpoint", LabelKind.ROUTE, fallback="OTHER"),
        LabelSpec("client_id", LabelKind.BOUNDED, fallback="other", limit=200),
    ),
)
SCRAPE = 15.0


class Fleet:
    """One bounded counter and a Prometheus that scrapes it: sums increases per series, minding resets and absences."""

    def __init__(self, clock: Clock, **changes: float) -> None:
        chosen = {"places": 200, "floor_per_hour": 60.0, "scrape_interval_seconds": SCRAPE, **changes}
        self.clock = clock
        self.places = Places(BoundedSettings(**chosen), clock)  # type: ignore[arg-type]  # places is given as an integer
        self.family = Registry().counter(SPEC)
        for endpoint in ("/a", *(f"/{number}" for number in range(10)), "OTHER"):
            self.family.labels(endpoint, "other")
        self.counter = BoundedCounter(self.family, self.places, overflow=("OTHER",))
        self.previous: dict[tuple[str, ...], float] = {}
        self.increases: dict[str, float] = {}
        self.scrape()

    def hit(self, client: str, times: int = 1, endpoint: str = "/a") -> None:
        for _ in range(times):
            self.places.add(client)
            self.counter.inc(client, labels=(endpoint,))

    def wait(self, seconds: float) -> None:
        """Let time pass, scraping as Prometheus would."""
        until = self.clock.now + seconds
        while self.clock.now + SCRAPE <= until:
            self.clock.now += SCRAPE
            self.scrape()
        self.clock.now = until

    def scrape(self) -> None:
        self.places.tidy()
        values = {child.labels: child.read() or 0.0 for child in self.family.children()}
        for labels, value in values.items():
            before = self.previous.get(labels)
            if before is None:
                assert value == 0, "rate() does not see what a series shows at first sight"
                continue
            assert value >= before, "a counter went backwards while it lived"
            self.increases[labels[1]] = self.increases.get(labels[1], 0.0) + value - before
        self.previous = values

    def values(self) -> dict[tuple[str, ...], float]:
        """Every series; those of `other` only once they count."""
        read = {child.labels: child.read() or 0.0 for child in self.family.children()}
        return {labels: value for labels, value in read.items() if labels[1] != "other" or value}

    def series_of(self, client: str) -> list[tuple[str, ...]]:
        return [labels for labels in self.values() if labels[1] == client]


@pytest.fixture
def fleet(clock: Clock) -> Fleet:
    return Fleet(clock)


def test_below_the_floor_a_client_is_other(fleet: Fleet) -> None:
    fleet.hit("a", 59)
    assert fleet.values() == {("/a", "other"): 59.0}


def test_past_the_floor_a_client_gets_a_series_at_0_while_other_counts(fleet: Fleet) -> None:
    fleet.hit("a", 70)
    assert fleet.values() == {("/a", "other"): 70.0, ("/a", "a"): 0.0}


def test_a_new_series_is_held_at_0_for_two_scrapes(fleet: Fleet) -> None:
    fleet.hit("a", 60)
    fleet.wait(2 * SCRAPE - 0.1)
    fleet.hit("a")
    assert fleet.values()["/a", "a"] == 0
    fleet.wait(0.1)
    fleet.hit("a")
    assert fleet.values() == {("/a", "other"): 61.0, ("/a", "a"): 1.0}


def test_the_floor_counts_the_last_hour_only(fleet: Fleet) -> None:
    fleet.hit("a", 59)
    fleet.wait(HOUR_SECONDS + 60)
    fleet.hit("a", 59)
    assert fleet.series_of("a") == []


def test_a_client_idle_for_an_hour_leaves(fleet: Fleet) -> None:
    fleet.hit("a", 60)
    fleet.wait(HOUR_SECONDS - SCRAPE)
    assert fleet.series_of("a")
    fleet.wait(2 * SCRAPE)
    assert fleet.series_of("a") == []
    assert len(fleet.places) == fleet.places.remembered == 0


def test_prometheus_sees_every_event_though_series_come_and_go(fleet: Fleet) -> None:
    sent = 0
    for _ in range(3):
        for _ in range(20):
            fleet.hit("a", 20)
            fleet.hit("b", 3)
            sent += 23
            fleet.wait(SCRAPE)
        fleet.wait(HOUR_SECONDS + 2 * SCRAPE)
        assert fleet.series_of("a") == []
    assert sum(fleet.increases.values()) == sent
    assert fleet.increases["a"] > 0.75 * 3 * 400


def test_ten_thousand_newcomers_do_not_keep_the_attacker_out(fleet: Fleet) -> None:
    for number in range(10_000):
        fleet.hit(f"newcomer-{number}", 3)
    fleet.hit("attacker", 60)
    fleet.wait(2 * SCRAPE)
    fleet.hit("attacker", 200)
    assert fleet.values()["/a", "attacker"] == 200
    assert len(fleet.places) == 1


def test_an_attacker_who_comes_amid_the_flood_is_remembered(fleet: Fleet) -> None:
    for number in range(10_000):
        fleet.hit(f"newcomer-{number}")
        if number % 50 == 0:
            fleet.hit("attacker")
    assert "attacker" in fleet.places


def test_newcomers_who_pass_the_floor_cannot_lock_the_places(fleet: Fleet) -> None:
    for number in range(1_000):
        fleet.hit(f"newcomer-{number}", 61)
    assert len(fleet.places) == 200
    fleet.hit("attacker", 200)
    assert fleet.series_of("attacker") == []
    fleet.wait(SCRAPE)
    fleet.hit("attacker")
    assert fleet.values()["/a", "attacker"] == 0
    assert len(fleet.places) == 200


def test_displacement_needs_twice_the_weight(fleet: Fleet) -> None:
    for number in range(200):
        fleet.hit(f"holder-{number}", 100)
    fleet.hit("rival", 199)
    fleet.wait(SCRAPE)
    assert "rival" not in fleet.places
    fleet.hit("rival")
    fleet.wait(SCRAPE)
    assert "rival" in fleet.places


def test_one_scrape_interval_displaces_a_tenth_at_most(fleet: Fleet) -> None:
    for number in range(200):
        fleet.hit(f"holder-{number}", 60)
    for number in range(100):
        fleet.hit(f"rival-{number}", 600)
    fleet.wait(SCRAPE)
    assert sum(f"rival-{number}" in fleet.places for number in range(100)) == 20


def test_memory_is_bounded(fleet: Fleet) -> None:
    for number in range(10_000):
        fleet.hit(f"newcomer-{number}")
        assert fleet.places.remembered <= 2_000


def test_a_client_on_many_endpoints_keeps_its_sum_in_few_series(fleet: Fleet) -> None:
    fleet.hit("a", 60)
    for number in range(10):
        fleet.hit("a", endpoint=f"/{number}")
    fleet.wait(2 * SCRAPE)
    for number in range(10):
        fleet.hit("a", endpoint=f"/{number}")
    own = {labels[0]: value for labels, value in fleet.values().items() if labels[1] == "a"}
    assert own == {"/a": 0.0, "/0": 1.0, "/1": 1.0, "OTHER": 8.0}


@pytest.mark.parametrize("key", ["other", "k" * 65])
def test_a_key_that_is_no_key_is_other(fleet: Fleet, key: str) -> None:
    fleet.hit(key, 100)
    assert fleet.values() == {("/a", "other"): 100.0}


@pytest.mark.parametrize(
    "changes",
    [
        {"places": 0},
        {"candidates": 10},
        {"floor_per_hour": -1.0},
        {"scrape_interval_seconds": 0.0},
        {"idle_seconds": 60.0},
    ],
)
def test_settings_that_could_not_work_are_refused(clock: Clock, changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Fleet(clock, **changes)


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from("abcdefgh"), st.integers(0, 12), st.sampled_from([0.0, 1.0, 15.0, 40.0, 900.0, 4000.0])
        ),
        max_size=60,
    )
)
def test_whatever_happens_each_event_is_counted_once_and_places_hold(steps: list[tuple[str, int, float]]) -> None:
    now = [1_000_000.0]
    places = Places(BoundedSettings(places=3, floor_per_hour=10.0, candidates=4), lambda: now[0])
    family = Registry().counter(SPEC)
    gone = 0.0

    def note_leaving(key: str) -> None:
        nonlocal gone
        gone += sum(child.read() or 0.0 for child in family.children() if child.labels[1] == key)

    places.on_leave(note_leaving)
    counter = BoundedCounter(family, places, overflow=("OTHER",))
    counted = 0
    for client, times, pause in steps:
        for _ in range(times):
            places.add(client)
            counter.inc(client, labels=("/a",))
        counted += times
        now[0] += pause
        places.tidy()
        assert sum(child.read() or 0.0 for child in family.children()) + gone == counted
        assert len(places) <= 3
        assert places.remembered <= 8
