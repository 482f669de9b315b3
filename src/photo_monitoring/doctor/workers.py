"""Several processes behind one port: each scrape meets another one, and no counter means anything.

A page is asked for again and again, on fresh connections. What tells processes apart: `process_start_time_seconds` and
every `…_created` (prometheus_client's) that change and change back, and counters that fall more than once: processes
may have started within one tick of the clock. Where no start is told, counters that come and go, too. One change alone
is a restart.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from photo_monitoring.doctor.exposition import Page

SCRAPES: Final = 16
"""Two processes that are met alike would be missed once in 2,000 times."""

_MOST_SCRAPES: Final = 40

_ENOUGH_SECONDS: Final = 10.0
_START: Final = "process_start_time_seconds"

Identity = frozenset[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Seen:
    """The last page, and the proof of several processes (None: there is none)."""

    page: Page
    workers: str | None


def _key(name: str, labels: object) -> str:
    return f"{name}{labels}"


def _identity(page: Page) -> Identity:
    """Return what stays the same for the life of a process, of the series without labels alone."""
    return frozenset(
        (name, values[0])
        for name, values in page.values.items()
        if (name == _START or name.endswith("_created")) and page.series[name] == [{}]
    )


def _counters(page: Page) -> dict[str, float]:
    return {
        _key(name, sorted(labels.items())): value
        for name, sets in page.series.items()
        if page.types.get(name) in {"counter", "histogram"}
        for labels, value in zip(sets, page.values[name], strict=True)
    }


def _changes_back(identities: Sequence[Identity]) -> str | None:
    met = [dict(identity) for identity in identities]
    for name in sorted({name for one in met for name in one}, key=lambda name: (name != _START, name)):
        values = [one[name] for one in met if name in one]
        runs = [value for n, value in enumerate(values) if n == 0 or value != values[n - 1]]
        if len(runs) > len(set(runs)):
            return f"{name} = {', '.join(f'{value:.2f}' for value in sorted(set(runs)))}"
    return None


def _falls(counters: Sequence[dict[str, float]]) -> str | None:
    """Find a counter that fell twice."""
    falls: dict[str, list[str]] = {}
    for before, after in pairwise(counters):
        for key, value in after.items():
            if value < before.get(key, value):
                falls.setdefault(key, []).append(f"{before[key]:g} → {value:g}")
    found = ((key, steps) for key, steps in sorted(falls.items()) if len(steps) > 1)
    return next((f"{_name(key)}: {', '.join(steps[:2])}" for key, steps in found), None)


def _comes_and_goes(counters: Sequence[dict[str, float]]) -> str | None:
    """Find a counter that was there, was gone and came back."""
    for key in sorted({key for one in counters for key in one}):
        there = "".join("+" if key in one else "-" for one in counters).strip("-")
        if "-" in there:
            return f"{_name(key)}: ✓ → – → ✓"
    return None


def _name(key: str) -> str:
    return key.partition("[")[0]


def proof(pages: Sequence[Page]) -> str | None:
    """Return what shows that pages, in the order in which they came, are of several processes; None: nothing does."""
    identities, counters = [_identity(page) for page in pages], [_counters(page) for page in pages]
    found = _changes_back(identities) or _falls(counters)
    if found is None and not all(_START in dict(identity) for identity in identities):
        return _comes_and_goes(counters)
    return found


async def look(scrape: Callable[[], Awaitable[Page]]) -> Seen:
    """Scrape until several processes are proven, often enough, or long enough; errors of the first scrape alone."""
    began = time.monotonic()
    pages = [await scrape()]
    enough = SCRAPES
    while len(pages) < enough and time.monotonic() - began < _ENOUGH_SECONDS:
        pages.append(await scrape())
        if _identity(pages[-1]) != _identity(pages[0]):
            enough = _MOST_SCRAPES  # a restart, or another process: the first one may answer again
        if (found := proof(pages)) is not None:
            return Seen(pages[-1], found)
    return Seen(pages[-1], None)
