"""The backends over the month: the database's pool, breakers, ways of images, shared limits; no CDN is used."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tests.rules.month import story, traffic
from tests.rules.month.fleet import Share
from tests.rules.month.traffic import Traffic, histogram
from tests.support.prometheus import Series

Floats = NDArray[np.float64]

_SEED: Final = 6
_POOL: Final = 10
_BUSY: Final = 1.5
_CHECKS: Final = 0.2
"""Of the requests of the fail-over's minute, those that were counted alone."""
_OPEN: Final = 2.0


def backend_series(drawn: Traffic, share: Share) -> Iterator[Series]:
    """Every metric of the backends that a rule reads; drawn apart, so that the rest of the month stays as it is."""
    rng = np.random.default_rng(_SEED)
    requests = traffic.together([drawn.all(digit) for digit in "245"])
    alone = np.floor(requests * story.during(story.REDIS_FAIL_OVER, _CHECKS))
    images = traffic.together([drawn.count(kind, kind.success) for kind in (traffic.IMAGE, traffic.SHARED_IMAGE)])
    counted = share.deal(alone, rng)
    for target, asked, streamed, unshared in zip(
        share.targets, share.deal(requests, rng), share.deal(images, rng), counted, strict=True
    ):
        yield target.series({"__name__": "photo_api_rate_limit_fallbacks_total"}, target.since_restart(unshared))
        for via in ("redirect", "stream", "fallback"):
            left = streamed if via == "stream" else np.zeros(target.minutes)
            labels = {"__name__": "photo_api_image_delivery_total", "via": via}
            yield target.series(labels, target.since_restart(left))
        in_use = np.minimum(rng.poisson(_BUSY, target.minutes), _POOL)
        yield target.series({"__name__": "photo_api_db_pool_in_use"}, in_use.astype(float))
        yield target.series({"__name__": "photo_api_db_pool_size"}, np.full(target.minutes, float(_POOL)))
        waits = {"__name__": "photo_api_db_pool_wait_duration_seconds"}
        yield from histogram(waits, asked, {0.1: 2e-3, 1.0: 5e-5}, target, rng)
        for service in ("object_storage", "cdn", "log_service"):
            is_away = service == "log_service"
            state = story.during(story.LOG_SERVICE_HICCUP, _OPEN) if is_away else np.zeros(target.minutes)
            yield target.series({"__name__": "photo_api_external_breaker_state", "service": service}, state)
