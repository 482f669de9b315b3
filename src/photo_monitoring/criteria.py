"""The types in which every alert of the guide is declared: once, with its text, its threshold and its proof.

An `Alert` watches one subject and has one `Tier` for each criterion of the guide (warning, critical). Its PromQL is
plain text with placeholders (see `expressions`): `$api`, `$traffic` and their like for selectors, `${5m}` for
durations, and `$limit` for the tier's threshold where that belongs inside the expression.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from photo_monitoring.durations import is_duration

if TYPE_CHECKING:
    from photo_monitoring.proofs.stimuli import Case, Stimulus
    from photo_monitoring.slos import Objective

Comparison = Literal[">", ">=", "<"]


class Severity(StrEnum):
    """How urgent an alert is (guide 9.2); `none` is for the Watchdog alone."""

    CRITICAL = "critical"
    WARNING = "warning"
    NONE = "none"


class Group(StrEnum):
    """The rule groups: the guide's five, then ours; each becomes one file."""

    AVAILABILITY = "photo_api_availability"
    PERFORMANCE = "photo_api_performance"
    STABILITY = "photo_api_stability"
    SECURITY = "photo_api_security"
    RESOURCES = "photo_api_resources"
    BUSINESS = "photo_api_business"
    GROWTH = "photo_api_growth"
    SLO = "photo_api_slo"
    PIPELINE = "photo_api_pipeline"


class Unit(StrEnum):
    """What `$value` of an alert is measured in; decides how people read it."""

    RATIO = "ratio"
    PER_MINUTE = "per_minute"
    COUNT = "count"
    BYTES = "bytes"
    TIMES = "times"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class Text:
    """One text in the two languages that operators read."""

    ko: str
    en: str

    def in_language(self, lang: str) -> str:
        """Return the text in `lang` (`ko` or `en`)."""
        return self.ko if lang == "ko" else self.en


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded expression, named `level:metric:operations`; recorded in the group of the alert that uses it.

    `labels` are added to what is recorded: several recordings may share a name when these differ.
    """

    name: str
    expr: str
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Tier:
    """One criterion of the guide: how much, for how long, how urgent.

    `criterion` is its id in the guide's index (None: ours, the guide has none). `threshold` is in the alert's unit, or
    in seconds for an alert with `share`. `minimum` is the volume under which the tier is silent. `condition` replaces
    the alert's whole condition, where the tiers differ by more than a number.
    """

    severity: Severity
    threshold: float
    hold: str
    criterion: str | None = None
    minimum: float | None = None
    condition: str | None = None

    def __post_init__(self) -> None:
        """Refuse a `for` that is no duration."""
        if not is_duration(self.hold):
            msg = f"not a duration: {self.hold!r}"
            raise ValueError(msg)


def warning(criterion: str | None, threshold: float, hold: str, minimum: float | None = None) -> Tier:
    """Declare the warning tier of an alert."""
    return Tier(Severity.WARNING, threshold, hold, criterion, minimum)


def critical(criterion: str | None, threshold: float, hold: str, minimum: float | None = None) -> Tier:
    """Declare the critical tier of an alert."""
    return Tier(Severity.CRITICAL, threshold, hold, criterion, minimum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One subject that is watched, with its tiers.

    `value` compared with `compare` to a tier's threshold is the condition, `and volume >= tier.minimum` where a volume
    is given; without `compare`, `value` is itself the condition, which the stimulus meets at the threshold. With
    `share`, the condition is `value > share`, and the tier's threshold is `$limit` inside `value`, a bound of a
    histogram in seconds. `by` are the labels that a firing alert carries from the metric. `helpers` are recorded for
    `value` to read. Several alerts may share a `name` when their `subject` differs. `objective` is what a burn alert
    watches. Tests are made from the `stimulus` or the objective; `cases` come on top. `symptom_of` names the causes
    (`routing.inhibition`) or alerts beside which, while they are critical, this alert is no news.
    """

    name: str
    subject: str
    group: Group
    section: str
    value: Recording | str
    unit: Unit
    tiers: tuple[Tier, ...]
    summary: Text
    description: Text
    next_steps: tuple[Text, ...]
    compare: Comparison | None = ">"
    share: float | None = None
    volume: Recording | None = None
    by: tuple[str, ...] = ()
    window: str = "5m"
    helpers: tuple[Recording, ...] = ()
    stimulus: "Stimulus | None" = None
    objective: "Objective | None" = None
    symptom_of: tuple[str, ...] = ()
    cases: "tuple[Case, ...]" = field(default=())

    def __post_init__(self) -> None:
        """Refuse a declaration that contradicts itself."""
        if not self.tiers:
            msg = f"{self.name} ({self.subject}) has no tier"
            raise ValueError(msg)
        if (self.volume is None) != all(tier.minimum is None for tier in self.tiers):
            msg = f"{self.name} ({self.subject}): a volume and the tiers' minimum go together"
            raise ValueError(msg)

    def recordings(self) -> tuple[Recording, ...]:
        """Return what must be recorded before this alert is evaluated, in order."""
        named = [*self.helpers, self.value, self.volume]
        return tuple(part for part in named if isinstance(part, Recording))
