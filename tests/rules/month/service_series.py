"""The service's own metrics over the month, beside `http_*`: what the rules of sections 1 to 4 and 7 read."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tests.rules.month import story, traffic
from tests.rules.month.backend_series import backend_series
from tests.rules.month.fleet import EPOCH, MINUTE, SCRAPE_SECONDS, Clock, Share, Target, probes
from tests.rules.month.traffic import Traffic, histogram
from tests.support.prometheus import Series

Floats = NDArray[np.float64]

_BOT: Final = "203.0.113.0/24"
_GUESSER: Final = "198.51.100.0/24"
_BASE_BYTES: Final = 5e12
PHOTO_BYTES: Final = 2.5e6
_USER_FLOOR_BYTES: Final = 1e8
_BLOCKED: Final = 2e-4


def service_series(drawn: Traffic, share: Share, rng: np.random.Generator) -> Iterator[Series]:
    """Every metric of the service that a rule reads, without `http_*`."""
    for target in share.targets:
        yield from target.liveness()
        yield from probes(target, partial(_dependencies, target))
        yield from _of_instance(target, rng)
    yield from _timed(drawn, share, rng)
    yield from _sharing(drawn, share, rng)
    yield from _external(drawn, share, rng)
    yield from _limits(drawn, share, rng)
    yield from _growth(drawn, share, rng)
    yield from backend_series(drawn, share)


def _dependencies(target: Target, times: Clock) -> Mapping[str, Floats]:
    up = {name: np.ones(len(times)) for name in ("database", "object_storage", "log_service")}
    if target.instance == story.API[0]:
        for failed in story.FAILED_PROBES:
            up["object_storage"][(times >= failed) & (times < failed + SCRAPE_SECONDS)] = 0
    return up


def _dealt(
    name: str, labels: Mapping[str, str], counts: Floats, share: Share, rng: np.random.Generator
) -> Iterator[Series]:
    """A counter of so many events a minute, dealt out to the instances."""
    for target, own in zip(share.targets, share.deal(counts, rng), strict=True):
        yield target.series({"__name__": name, **labels}, target.since_restart(own))


def _of_instance(target: Target, rng: np.random.Generator) -> Iterator[Series]:
    first = target.instance == story.API[0]
    nothing = np.zeros(target.minutes)
    releases = np.searchsorted(story.DEPLOYS, target.scrape_times(MINUTE))
    for release in range(len(story.DEPLOYS) + 1):
        info = {"node": target.instance, "app": "photo-api", "version": f"1.{release}.0", "environment": "production"}
        yield target.series({"__name__": "photo_api_app_info", **info}, np.where(releases == release, 1.0, np.nan))
    exceptions = story.happening(*story.EXCEPTIONS) if first else nothing
    yield target.series({"__name__": "photo_api_exceptions_total"}, target.since_restart(exceptions))
    errors = story.happening(*story.DATABASE_ERRORS) if first else nothing
    yield target.series({"__name__": "photo_api_db_errors_total"}, target.since_restart(errors))
    for reason in ("queue_full", "send_failed", "rejected", "shutdown", "other"):
        lost = story.happening(story.LOST_LOGS) if first and reason == "send_failed" else nothing
        yield target.series({"__name__": "photo_api_log_dropped_total", "reason": reason}, target.since_restart(lost))
    waiting = rng.poisson(20, target.minutes) + story.during(story.LOG_SERVICE_HICCUP, 1400)
    yield target.series({"__name__": "photo_api_log_queue_size"}, waiting)
    minute = np.arange(target.minutes) * 60.0
    published = {"__name__": "photo_api_business_metrics_last_success_timestamp_seconds"}
    yield target.series(published, EPOCH + minute - rng.uniform(0, 60, target.minutes))


def _timed(drawn: Traffic, share: Share, rng: np.random.Generator) -> Iterator[Series]:
    """The histograms of logins, images and share links."""
    kinds = (
        ("photo_api_login_duration_seconds", {"result": "success"}, traffic.LOGIN, (1.0, 3.0)),
        (
            "photo_api_image_access_duration_seconds",
            {"access_type": "authenticated", "result": "success"},
            traffic.IMAGE,
            (2.0, 5.0),
        ),
        (
            "photo_api_image_access_duration_seconds",
            {"access_type": "shared", "result": "success"},
            traffic.SHARED_IMAGE,
            (2.0, 5.0),
        ),
        (
            "photo_api_share_link_access_duration_seconds",
            {"token_status": "valid", "result": "success"},
            traffic.SHARE,
            (1.0, 3.0),
        ),
    )
    for name, labels, kind, limits in kinds:
        for target, own in zip(share.targets, share.deal(drawn.count(kind, kind.success), rng), strict=True):
            chances: dict[float, traffic.Chance] = {limit: kind.slower(limit) for limit in limits}
            yield from histogram({"__name__": name, **labels}, own, chances, target, rng)


def _sharing(drawn: Traffic, share: Share, rng: np.random.Generator) -> Iterator[Series]:
    """Accesses to share links and images, and who guesses tokens."""
    for status, result, answers in (
        ("valid", "success", ("200",)),
        ("valid", "denied", ("401", "500", "503")),
        ("invalid", "denied", ("404",)),
        ("expired", "denied", ("410",)),
    ):
        labels = {"token_status": status, "result": result}
        counts = drawn.count(traffic.SHARE, *answers)
        yield from _dealt("photo_api_share_link_access_total", labels, counts, share, rng)
    foreign = drawn.count(traffic.SHARED_IMAGE, "404")
    for in_album, counts in (("yes", drawn.count(traffic.SHARED_IMAGE, "200")), ("no", foreign)):
        labels = {"token_status": "valid", "photo_in_album": in_album}
        yield from _dealt("photo_api_share_link_image_access_total", labels, counts, share, rng)
    for access, kind in (("authenticated", traffic.IMAGE), ("shared", traffic.SHARED_IMAGE)):
        denied = [status for of, status in drawn.answers if of is kind and status != kind.success]
        for result, statuses in (("success", [kind.success]), ("denied", denied)):
            labels = {"access_type": access, "result": result}
            yield from _dealt("photo_api_image_access_total", labels, drawn.count(kind, *statuses), share, rng)
    bot = story.during(story.SLOW_BOT, story.BOT_GUESSES_A_MINUTE)
    guesser = story.during(story.TOKEN_GUESSING, story.GUESSES_A_MINUTE)
    crowd = np.maximum(0.0, drawn.count(traffic.SHARE, "404") - bot - guesser)
    guesses = "photo_api_share_link_brute_force_attempts_total"
    yield from _dealt(guesses, {"client_id": "other"}, crowd, share, rng)
    for client, counts in ((_BOT, bot), (_GUESSER, guesser)):
        lives = _lasting(counts, minutes=60)
        for target, own in zip(share.targets, share.deal(counts, rng), strict=True):
            level = np.where(lives, target.since_restart(own), np.nan)
            yield target.series({"__name__": guesses, "client_id": client}, level)


def _lasting(counts: Floats, minutes: int) -> NDArray[np.bool_]:
    """From the first event on until so many minutes after the last."""
    lives = np.zeros(len(counts), bool)
    busy = np.flatnonzero(counts)
    if len(busy):
        lives[busy[0] : busy[-1] + minutes] = True
    return lives


def _external(drawn: Traffic, share: Share, rng: np.random.Generator) -> Iterator[Series]:
    """Requests to the object storage and the log service; the CDN is not used, but its series are there."""
    stored = (traffic.IMAGE, traffic.SHARED_IMAGE, traffic.STORE, traffic.CONFIRM)
    loads: dict[str, Floats] = {
        "object_storage": traffic.together([drawn.count(kind, kind.success) for kind in stored]),
        "log_service": np.full(story.MINUTES, 40.0),
        "cdn": np.zeros(story.MINUTES),
    }
    for service, counts in loads.items():
        failed = rng.binomial(counts.astype(np.int64), 1e-4).astype(float)
        labels = {"service": service}
        yield from _dealt("photo_api_external_request_errors_total", labels, failed, share, rng)
        for target, own in zip(share.targets, share.deal(counts, rng), strict=True):
            name = {"__name__": "photo_api_external_request_duration_seconds", **labels}
            yield from histogram(name, own, {2.0: 3e-3, 5.0: 3e-4}, target, rng)


def _limits(drawn: Traffic, share: Share, rng: np.random.Generator) -> Iterator[Series]:
    """Rate limits: a few requests are blocked at all times, of many clients and of one large network."""
    for kind in (traffic.IMAGE, traffic.SHARE, traffic.LOGIN):
        counts = drawn.count(kind)
        blocked = rng.binomial(counts.astype(np.int64), _BLOCKED).astype(float)
        for status, events in (("allowed", counts), ("blocked", blocked)):
            labels = {"endpoint": kind.handler, "status": status}
            yield from _dealt("photo_api_rate_limit_requests_total", labels, events, share, rng)
        for client, part in (("other", 0.7), ("192.0.2.0/24", 0.3)):
            labels = {"endpoint": kind.handler, "client_id": client}
            yield from _dealt("photo_api_rate_limit_hits_total", labels, np.floor(blocked * part), share, rng)


def _growth(drawn: Traffic, share: Share, rng: np.random.Generator) -> Iterator[Series]:
    """The stored bytes, requests in flight, and the users who upload much."""
    confirmed = drawn.count(traffic.CONFIRM, "200")
    stored = _BASE_BYTES + PHOTO_BYTES * np.cumsum(confirmed)
    requests = drawn.all("2")
    for target, serving in zip(share.targets, share.shares, strict=True):
        yield target.series({"__name__": "photo_api_object_storage_usage_bytes"}, stored)
        in_flight = rng.poisson(requests / 60 * serving * 0.1).astype(float)
        yield target.series({"__name__": "photo_api_active_sessions"}, in_flight)
    uploads = [(time, 3e8, 20) for time in story.NEWCOMERS]
    for day in range(story.DAYS):
        uploads += [(story.at(day, hour), rng.uniform(2e8, 8e8), 45) for hour in rng.uniform(18, 23, 2)]
    for number, (begins, size, lasts) in enumerate(uploads):
        first = int(begins // MINUTE)
        part = np.zeros(story.MINUTES)
        part[first : first + lasts] = size / lasts
        total = np.cumsum(part)
        hour = total - np.concatenate([np.zeros(60), total[:-60]])
        shown = (hour > 0) & (total >= _USER_FLOOR_BYTES)
        for target, own in zip(share.targets, (0.6, 0.4), strict=True):
            labels = {"__name__": "photo_api_photo_upload_last_hour_bytes", "user_id": f"user-{number}"}
            yield target.series(labels, np.where(shown, hour * own, np.nan))
