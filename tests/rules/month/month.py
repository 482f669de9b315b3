"""The month as samples, and the rules over it."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from tests.rules.month import story, traffic
from tests.rules.month.fleet import EPOCH, Share
from tests.rules.month.korean_week import requests_a_minute
from tests.rules.month.service_series import service_series
from tests.rules.month.surroundings import surrounding_series, targets
from tests.support.prometheus import Series

SEED: Final = 20250421
BUSIEST_PER_SECOND: Final = 100.0

START: Final = EPOCH
QUIET_UNTIL: Final = EPOCH + story.at(story.QUIET_DAYS, 0)
END: Final = EPOCH + story.at(story.DAYS, 0) - 60

# One head block holds it all: nothing is compacted, and no sample is too old to be taken.
PROMETHEUS_OPTIONS: Final = ("--storage.tsdb.min-block-duration=100d", "--storage.tsdb.max-block-duration=100d")


def month_series(seed: int = SEED, busiest_per_second: float = BUSIEST_PER_SECOND) -> Iterator[Series]:
    """Every series of the month and of the day after it; the same for the same seed."""
    rng = np.random.default_rng(seed)
    expected = requests_a_minute(story.DAYS, busiest_per_second * 60, rng)
    faults = story.faults()
    drawn = traffic.draw(expected, faults, rng)
    guesses = story.during(story.SLOW_BOT, story.BOT_GUESSES_A_MINUTE)
    guesses += story.during(story.TOKEN_GUESSING, story.GUESSES_A_MINUTE)
    drawn.answers[traffic.SHARE, "404"][:] += guesses
    share = Share(targets())
    yield from traffic.http_series(drawn, share, faults, rng)
    yield from service_series(drawn, share, rng)
    yield from surrounding_series(drawn, share, rng)
