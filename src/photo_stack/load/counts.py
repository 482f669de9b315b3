"""What was sent and what came back, by kind: operation, status, bytes, latency, and every way an answer can fail.

Four ways are kept apart, because they mean different things to whoever kills instances under load: a request that got
no answer (`transport_errors`), an answer whose body broke after it had begun (`broken_bodies`), a body that arrived
whole and is not what it must be (`corrupt_bodies`), and a whole answer with a status the contract does not allow here
(`unexpected`). What the end of the run cut off is `abandoned`; so sent = answered + transport errors + abandoned.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

_STEP: Final = math.log(1.01)
_SMALLEST_SECONDS: Final = 1e-5
_SAMPLES_KEPT: Final = 20
_SAMPLES_OF_A_KIND: Final = 2
_SAMPLE_CHARACTERS: Final = 160
_TOKEN_LIKE: Final = re.compile(r"[A-Za-z0-9_-]{40,}(?:\.[A-Za-z0-9_-]+)*")


class LatencyHistogram:
    """Durations (seconds) in buckets 1 % apart: quantiles to within 1 %, in memory that does not grow with the run."""

    def __init__(self) -> None:
        """Start empty."""
        self._buckets: Counter[int] = Counter()
        self.count = 0
        self.total = 0.0
        self.maximum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration; what is under 10 µs counts as 10 µs."""
        self._buckets[math.ceil(math.log(max(seconds, _SMALLEST_SECONDS) / _SMALLEST_SECONDS) / _STEP)] += 1
        self.count += 1
        self.total += seconds
        self.maximum = max(self.maximum, seconds)

    def quantile(self, fraction: float) -> float | None:
        """Return the upper bound (seconds) of the bucket that holds the quantile, or None while empty."""
        wanted = math.ceil(fraction * self.count)
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return min(_SMALLEST_SECONDS * math.exp(bucket * _STEP), self.maximum)
        return None

    def summary(self) -> dict[str, float]:
        """Return P50, P95, P99 and the maximum in milliseconds; empty while nothing was observed."""
        quantiles = {f"p{round(100 * fraction)}": self.quantile(fraction) for fraction in (0.5, 0.95, 0.99)}
        named = {name: round(1000 * value, 2) for name, value in quantiles.items() if value is not None}
        return {**named, "max": round(1000 * self.maximum, 2)} if named else {}


@dataclass(slots=True)
class OperationCounts:
    """One operation's account; bytes are those of bodies, durations run from sending to the body's last byte."""

    sent: int = 0
    answered: Counter[int] = field(default_factory=Counter)
    unexpected: Counter[int] = field(default_factory=Counter)
    transport_errors: Counter[str] = field(default_factory=Counter)
    broken_bodies: int = 0
    corrupt_bodies: int = 0
    abandoned: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    latency: LatencyHistogram = field(default_factory=LatencyHistogram)

    def as_json(self) -> dict[str, Any]:
        """Return the account as plain values; statuses are also summed by class (`2xx`)."""
        classes: Counter[str] = Counter()
        for status, number in self.answered.items():
            classes[f"{status // 100}xx"] += number
        return {
            "sent": self.sent,
            "answered": sum(self.answered.values()),
            "status": {str(status): number for status, number in sorted(self.answered.items())},
            "status_class": dict(sorted(classes.items())),
            "unexpected": {str(status): number for status, number in sorted(self.unexpected.items())},
            "transport_errors": dict(sorted(self.transport_errors.items())),
            "broken_bodies": self.broken_bodies,
            "corrupt_bodies": self.corrupt_bodies,
            "abandoned": self.abandoned,
            "bytes_sent": self.bytes_sent,
            "bytes_received": self.bytes_received,
            "latency_ms": self.latency.summary(),
        }


class Counts:
    """The whole run's account. One event loop writes it; nothing here is thread-safe."""

    def __init__(self) -> None:
        """Start empty."""
        self.operations: dict[str, OperationCounts] = {}
        self.latency = LatencyHistogram()
        self.sent = 0
        self.failed_gets = 0
        self.resumed_bodies = 0
        self.lost_bodies = 0
        """Bodies that broke and were not made whole: small ones are not resumed, and a resume can fail."""
        self.breaches: Counter[str] = Counter()
        """What the service let happen and never may, by name: `foreign_photo_listed`, `forged_token_accepted`…"""
        self.samples: list[dict[str, Any]] = []

    def operation(self, name: str) -> OperationCounts:
        """Return the account of one operation, opened at first use."""
        return self.operations.setdefault(name, OperationCounts())

    def request(self, name: str, *, bytes_sent: int) -> None:
        """Count a request as it leaves."""
        operation = self.operation(name)
        operation.sent += 1
        operation.bytes_sent += bytes_sent
        self.sent += 1

    def answer(self, name: str, status: int, *, seconds: float, expected: bool, get: bool) -> None:
        """Count a whole answer. A GET with an answer that should not have come is a failed GET."""
        operation = self.operation(name)
        operation.answered[status] += 1
        operation.latency.observe(seconds)
        self.latency.observe(seconds)
        if not expected:
            operation.unexpected[status] += 1
            self.failed_gets += get

    def transport_error(self, name: str, kind: str, *, get: bool) -> None:
        """Count a request that never got an answer's first byte; `kind` as `refused`, `disconnected`, `timeout`."""
        self.operation(name).transport_errors[kind] += 1
        self.failed_gets += get

    def broken_body(self, name: str, status: int) -> None:
        """Count an answer that began, with this status, and whose body ended early: no failed GET."""
        operation = self.operation(name)
        operation.answered[status] += 1
        operation.broken_bodies += 1

    def sample(self, name: str, outcome: str, said: str) -> None:
        """Keep the first two of each unexpected outcome for the reader; anything that looks like a token is cut out."""
        alike = sum((kept["operation"], kept["outcome"]) == (name, outcome) for kept in self.samples)
        if alike < _SAMPLES_OF_A_KIND and len(self.samples) < _SAMPLES_KEPT:
            text = _TOKEN_LIKE.sub("[cut]", said)[:_SAMPLE_CHARACTERS]
            self.samples.append({"operation": name, "outcome": outcome, "said": text})

    @property
    def unexpected(self) -> int:
        """Answers whose status the contract does not allow here."""
        return sum(sum(operation.unexpected.values()) for operation in self.operations.values())

    @property
    def transport_errors(self) -> int:
        """Requests without any answer."""
        return sum(sum(operation.transport_errors.values()) for operation in self.operations.values())

    @property
    def broken_bodies(self) -> int:
        """Bodies that ended early, resumed or not."""
        return sum(operation.broken_bodies for operation in self.operations.values())

    @property
    def corrupt_bodies(self) -> int:
        """Whole bodies that are not what was uploaded."""
        return sum(operation.corrupt_bodies for operation in self.operations.values())

    @property
    def problems(self) -> int:
        """Everything that must not happen. A broken body that was resumed and verified is not a problem."""
        return self.unexpected + self.transport_errors + self.corrupt_bodies + self.lost_bodies + self.breaches.total()

    def as_json(self) -> dict[str, Any]:
        """Return totals and every operation's account as plain values, ready for JSON."""
        return {
            "totals": {
                "sent": self.sent,
                "answered": sum(sum(operation.answered.values()) for operation in self.operations.values()),
                "unexpected": self.unexpected,
                "transport_errors": self.transport_errors,
                "failed_gets": self.failed_gets,
                "broken_bodies": self.broken_bodies,
                "resumed_bodies": self.resumed_bodies,
                "lost_bodies": self.lost_bodies,
                "corrupt_bodies": self.corrupt_bodies,
                "abandoned": sum(operation.abandoned for operation in self.operations.values()),
                "breaches": dict(sorted(self.breaches.items())),
                "problems": self.problems,
                "bytes_sent": sum(operation.bytes_sent for operation in self.operations.values()),
                "bytes_received": sum(operation.bytes_received for operation in self.operations.values()),
                "latency_ms": self.latency.summary(),
            },
            "operations": {name: self.operations[name].as_json() for name in sorted(self.operations)},
            "samples": self.samples,
        }
