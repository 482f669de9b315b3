"""What the doctor looked at: metrics pages, and what Prometheus says of jobs, rules and data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from photo_monitoring import promql
from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.settings import JOBS, Settings
from photo_monitoring.doctor.exposition import Page
from photo_monitoring.expressions import condition, fill
from photo_monitoring.known_metrics import known_samples


@dataclass(frozen=True, slots=True)
class Source:
    """One page: where it is from, and the proof of several processes behind it.

    `routes` are the templates of all routes of the service, where they can be known.
    """

    name: str
    page: Page
    workers: str | None = None
    routes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job of Prometheus: how many targets there are and are up, the longest interval in seconds, the last error.

    `names` are the samples that it stored (None: it was not asked, or has not scraped yet); `lookalikes` are other
    jobs that export what this one should.
    """

    targets: int = 0
    up: int = 0
    interval: float | None = None
    error: str = ""
    names: frozenset[str] | None = None
    lookalikes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LoadedRule:
    """A rule as Prometheus has it: expression, and what its last evaluation failed of ("": it did not)."""

    expr: str
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What Prometheus has: jobs by role, rules by name and labels, recordings with a result, seconds that it keeps."""

    jobs: Mapping[str, Job]
    rules: Mapping[tuple[str, frozenset[tuple[str, str]]], LoadedRule]
    results: frozenset[str]
    retention: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything that was seen; `sources` by role, `server` None without Prometheus."""

    settings: Settings
    sources: Mapping[str, tuple[Source, ...]] = field(default_factory=dict)
    server: Server | None = None


def role_of(selector_job: str | None, settings: Settings) -> str | None:
    """Return the role whose job a selector names."""
    return next((role for role, name in JOBS.items() if getattr(settings, name) == selector_job), None)


def _expressions(settings: Settings) -> Iterator[str]:
    for alert in ALERTS:
        yield from (condition(alert, tier, settings) for tier in alert.tiers)
        yield from (fill(recording.expr, settings) for recording in alert.recordings())


def samples_by_role(settings: Settings) -> dict[str, frozenset[str]]:
    """Return role → the samples that criteria read of its job, `up` aside, as the declarations say."""
    found: dict[str, set[str]] = {role: set() for role in JOBS}
    known = known_samples()
    for text in _expressions(settings):
        for selector in promql.read(text).selectors:
            job = next((one.value for one in selector.matchers if one.label == "job"), None)
            role = role_of(job, settings)
            if role is not None and selector.metric in known and selector.metric != "up":
                found[role].add(selector.metric)
    return {role: frozenset(names) for role, names in found.items()}


def role_of_page(page: Page, samples: Mapping[str, frozenset[str]]) -> str:
    """Return whose page this is by what it has; the service's, where it has nothing that is known."""
    there = page.series.keys() | page.types.keys()
    return max(samples, key=lambda role: (len(there & samples[role]), role == "api"))
