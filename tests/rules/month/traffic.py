"""What people do in a minute, and the metrics that requests leave behind.

Latencies: most requests follow a log-normal, a few stall. The `http_*` histogram has a request's successes only, so its
shares of slow ones are, if anything, too high; `none` and failing requests are counted, not timed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import erfc, log, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from tests.rules.month.fleet import Share, Target
from tests.support.prometheus import Series

from photo_monitoring.expressions import bound

Floats = NDArray[np.float64]
Chance = float | Floats

_STALL_MEDIAN: Final = 0.9
_STALL_SIGMA: Final = 0.8
_STALLED: Final = 0.002
_BROKEN: Final = (("500", 2e-5), ("503", 1e-5))


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One kind of request: its share of all, its failures that are no fault of ours, its usual latency in seconds."""

    method: str
    handler: str
    share: float
    median: float
    sigma: float = 0.6
    success: str = "200"
    refused: Mapping[str, float] = field(default_factory=dict)

    def slower(self, than: float) -> float:
        """The share of successes that take longer."""
        return (1 - _STALLED) * _tail(than, self.median, self.sigma) + _STALLED * _tail(
            than, _STALL_MEDIAN, _STALL_SIGMA
        )


def _tail(than: float, median: float, sigma: float) -> float:
    return 0.5 * erfc(log(than / median) / (sigma * sqrt(2)))


IMAGE: Final = Kind("GET", "/photos/{photo_id}/image", 0.40, 0.06, 0.9, refused={"404": 0.006, "401": 0.004})
SHARED_IMAGE: Final = Kind(
    "GET", "/share/{token}/photos/{photo_id}/image", 0.08, 0.06, 0.9, refused={"404": 0.006, "410": 0.004}
)
SHARE: Final = Kind("GET", "/share/{token}", 0.05, 0.03, refused={"404": 0.02, "410": 0.02, "401": 0.01})
LOGIN: Final = Kind("POST", "/auth/login", 0.008, 0.14, 0.4, refused={"401": 0.06, "422": 0.005})
REGISTER: Final = Kind("POST", "/auth/register", 0.001, 0.15, 0.4, "201", refused={"409": 0.02, "422": 0.015})
PRESIGN: Final = Kind("POST", "/photos/presigned-url", 0.02, 0.01, refused={"413": 0.002, "422": 0.003})
CONFIRM: Final = Kind("POST", "/photos/confirm", 0.0, 0.12, 0.7, refused={"409": 0.002})
STORE: Final = Kind("PUT", "/storage/{object_key}", 0.02, 1.2, 1.0, refused={"403": 0.002})
DIRECT: Final = Kind("POST", "/photos/", 0.002, 2.0, 1.0, "201", refused={"413": 0.005})
KINDS: Final = (
    IMAGE,
    SHARED_IMAGE,
    SHARE,
    LOGIN,
    REGISTER,
    PRESIGN,
    CONFIRM,
    STORE,
    DIRECT,
    Kind("GET", "/photos/", 0.13, 0.03),
    Kind("GET", "/photos/{photo_id}", 0.12, 0.01, refused={"404": 0.004}),
    Kind("GET", "/albums/", 0.08, 0.015),
    Kind("GET", "/albums/{album_id}", 0.05, 0.012, refused={"404": 0.002}),
    Kind("POST", "/albums/{album_id}/share", 0.002, 0.02, success="201"),
    Kind("POST", "/auth/refresh", 0.02, 0.01, refused={"401": 0.01}),
    Kind("GET", "/auth/me", 0.014, 0.006),
    Kind("GET", "none", 0.003, 0.001, success="404"),
)
_COMPLETED: Final = 0.975
_CONFIRMED_NEXT_MINUTE: Final = 0.2
_PROBES_A_MINUTE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong in each minute: the shares of requests that break and that stall for over a second.

    `single` are broken requests one by one: (minute, how many).
    """

    broken: Floats
    stalled: Floats
    single: Sequence[tuple[int, int]] = ()


def together(parts: Sequence[Floats]) -> Floats:
    """Events a minute of several kinds, added up."""
    total: Floats = np.sum(parts, axis=0, dtype=np.float64)
    return total


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests a minute by kind and status, over all instances."""

    answers: Mapping[tuple[Kind, str], Floats]

    def count(self, kind: Kind, *statuses: str) -> Floats:
        """How many requests of a kind had one of these statuses (all, if none is named)."""
        parts = [n for (of, status), n in self.answers.items() if of is kind and (not statuses or status in statuses)]
        return together(parts)

    def all(self, digit: str) -> Floats:
        """How many answers had a status that begins so."""
        parts = [n for (_, status), n in self.answers.items() if status.startswith(digit)]
        return together(parts)


def draw(expected: Floats, faults: Faults, rng: np.random.Generator) -> Traffic:
    """Draw every kind of request for every minute, given how many are expected in all."""
    answers: dict[tuple[Kind, str], Floats] = {}
    for kind in KINDS:
        total = rng.poisson(expected * kind.share)
        if kind is CONFIRM:
            begun = answers[PRESIGN, PRESIGN.success].astype(np.int64)
            total = rng.binomial(begun, _COMPLETED)
            later = rng.binomial(total, _CONFIRMED_NEXT_MINUTE)
            total = total - later + np.concatenate([[0], later[:-1]])
        left, room = total, np.ones(len(total))
        for status, chance in (*_BROKEN, *kind.refused.items()):
            odds = chance + (faults.broken if status == "500" else 0.0)
            part = rng.binomial(left, np.clip(odds / room, 0, 1))
            left, room = left - part, room - odds
            answers[kind, status] = part.astype(float)
        answers[kind, kind.success] = left.astype(float)
    for minute, number in faults.single:
        kind = KINDS[(minute + number) % len(KINDS)]
        answers[kind, "500"][minute] += number
    return Traffic(answers)


def histogram(
    labels: Mapping[str, str], counts: Floats, chances: Mapping[float, Chance], target: Target, rng: np.random.Generator
) -> Iterator[Series]:
    """The buckets that rules read, ascending, and the count; `chances`: bound → the share that is slower."""
    name = labels["__name__"]
    yield target.series({**labels, "__name__": f"{name}_count"}, target.since_restart(counts))
    slower, before = counts.astype(np.int64), np.ones(len(counts))
    for limit, chance in chances.items():
        slower = rng.binomial(slower, np.minimum(1.0, chance / before))
        before = np.broadcast_to(chance, counts.shape)
        within = target.since_restart(counts - slower)
        yield target.series({**labels, "__name__": f"{name}_bucket", "le": bound(limit)}, within)


def http_series(traffic: Traffic, share: Share, faults: Faults, rng: np.random.Generator) -> Iterator[Series]:
    """`http_requests_total`, and the `http_*` histogram of the successes."""
    for (kind, status), counts in traffic.answers.items():
        for target, own in zip(share.targets, share.deal(counts, rng), strict=True):
            labels = {"method": kind.method, "handler": kind.handler, "status": status}
            level = target.since_restart(own)
            if status not in {kind.success, "500", "503"}:
                level[level == 0] = np.nan  # the first such answer brings the series about
            yield target.series({"__name__": "http_requests_total", **labels}, level)
            if status == kind.success and kind.handler != "none":
                timed = {"__name__": "http_request_duration_seconds", **labels}
                chances: dict[float, Chance] = {limit: kind.slower(limit) for limit in (1.0, 3.0, 5.0)}
                chances[1.0] += faults.stalled
                yield from histogram(timed, own, chances, target, rng)
    for target in share.targets:
        health = {"method": "GET", "handler": "/health", "status": "200"}
        probed = target.since_restart(np.full(target.minutes, _PROBES_A_MINUTE))
        yield target.series({"__name__": "http_requests_total", **health}, probed)
