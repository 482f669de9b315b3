"""Service level objectives: what is recorded for one, which alert follows, and its proof. Their table: `alerts.slo`.

Names and labels are those that sloth generates, so that dashboards made for it work. Errors and totals are recorded
over 5 minutes; every longer window adds those up, never raw series. Burn alerts are the multi-window, multi-burn-rate
ones of the Site Reliability Workbook (chapter 5).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from photo_monitoring.criteria import Alert, Group, Recording, Severity, Text, Tier, Unit
from photo_monitoring.stimuli import Case, Firing, growing

SERVICE: Final = "photo-api"
PERIOD: Final = "30d"
PERIOD_DAYS: Final = 30
WINDOWS: Final = ("5m", "30m", "1h", "2h", "6h", "1d", "3d", PERIOD)
ERRORS: Final = "slo:sli_errors:rate5m"
TOTAL: Final = "slo:sli_total:rate5m"


@dataclass(frozen=True, slots=True)
class Burn:
    """Alert when the budget burns `factor` times too fast over both windows; `short` makes the alert end early."""

    severity: Severity
    long: str
    short: str
    factor: float


BURNS: Final = (
    Burn(Severity.CRITICAL, "1h", "5m", 14.4),
    Burn(Severity.CRITICAL, "6h", "30m", 6),
    Burn(Severity.WARNING, "1d", "2h", 3),
    Burn(Severity.WARNING, "3d", "6h", 1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """One objective: `percent` of the events of a rolling 30 days are good.

    `errors` and `total` are PromQL for events a second over 5 minutes, without labels. `feed` are series with which a
    test makes events: by how many each grows for an event, given the share that fails. `constant` are series beside
    them, `cases` courses of its own.
    """

    slo: str
    alert: str
    percent: float
    promise: Text
    errors: str
    total: str
    feed: tuple[tuple[str, Callable[[float], float]], ...]
    constant: tuple[tuple[str, str], ...] = ()
    helpers: tuple[Recording, ...] = ()
    cases: tuple[Case, ...] = ()

    def __post_init__(self) -> None:
        """Refuse an objective so low that its alerts could never fire."""
        if max(burn.factor for burn in BURNS) * self.budget >= 1:
            msg = f"objective {self.slo} of {self.percent} % is too low: no error ratio burns its budget fast enough"
            raise ValueError(msg)

    @property
    def budget(self) -> float:
        """The share of events that may fail."""
        return round(1 - self.percent / 100, 9)

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """The labels by which sloth tells objectives apart."""
        return ("sloth_id", f"{SERVICE}-{self.slo}"), ("sloth_service", SERVICE), ("sloth_slo", self.slo)

    @property
    def selector(self) -> str:
        """The matcher that selects this objective's recordings."""
        return f'sloth_id="{SERVICE}-{self.slo}"'


def _ratio(objective: Objective, window: str) -> Recording:
    own = f"{{{objective.selector}}}"
    if window == "5m":
        expr = f"clamp({ERRORS}{own} / ({TOTAL}{own} > 0), 0, 1)"
    else:
        reach = f"[${{{window}}}]"
        expr = f"clamp(sum_over_time({ERRORS}{own}{reach}) / (sum_over_time({TOTAL}{own}{reach}) > 0), 0, 1)"
    return Recording(f"slo:sli_error:ratio_rate{window}", expr, (*objective.labels, ("sloth_window", window)))


def recordings(objective: Objective) -> tuple[Recording, ...]:
    """Return everything that is recorded for an objective, in order."""
    own, labels = f"{{{objective.selector}}}", objective.labels
    budget = f"on (sloth_id) slo:error_budget:ratio{own}"
    return (
        *objective.helpers,
        Recording(TOTAL, objective.total, labels),
        Recording(ERRORS, objective.errors, labels),
        *(_ratio(objective, window) for window in WINDOWS),
        Recording("slo:objective:ratio", f"vector({objective.percent / 100:.6g})", labels),
        Recording("slo:error_budget:ratio", f"vector({objective.budget:.6g})", labels),
        Recording("slo:time_period:days", f"vector({PERIOD_DAYS})", labels),
        Recording("slo:current_burn_rate:ratio", f"slo:sli_error:ratio_rate5m{own} / {budget}", labels),
        Recording("slo:period_burn_rate:ratio", f"slo:sli_error:ratio_rate{PERIOD}{own} / {budget}", labels),
        Recording("slo:period_error_budget_remaining:ratio", f"1 - slo:period_burn_rate:ratio{own}", labels),
        Recording("slo:period_compliance:ratio", f"1 - slo:sli_error:ratio_rate{PERIOD}{own}", labels),
    )


def _condition(objective: Objective, severity: Severity) -> str:
    """Return PromQL: one of the severity's pairs of windows burns too fast, by two failures or more."""
    own, parts = f"{{{objective.selector}}}", []
    for burn in BURNS:
        if burn.severity is severity:
            limit = f"{burn.factor:g} * {objective.budget:g}"
            parts.append(
                f"max without (sloth_window) (slo:sli_error:ratio_rate{burn.short}{own} > {limit})\n"
                f"and\nmax without (sloth_window) (slo:sli_error:ratio_rate{burn.long}{own} > {limit})\n"
                f"and\nsum_over_time({ERRORS}{own}[${{{burn.long}}}]) * $interval >= 2"
            )
    return "\nor\n".join(f"(\n{part}\n)" for part in parts)


def _inputs(objective: Objective, *phases: tuple[float, int], events: float = 30.0) -> dict[str, str]:
    """Feed phases of (share of events that fail, steps), with so many events a step."""
    inputs = dict(objective.constant)
    for series, part in objective.feed:
        level, notation = 0.0, []
        for share, steps in phases:
            written, level = growing(level, events * part(share), steps)
            notation.append(written)
        inputs[series] = " ".join(notation)
    return inputs


def _cases(objective: Objective) -> tuple[Case, ...]:
    """Return the courses that prove an objective's alerts."""
    labels = dict(objective.labels)
    page = Firing(severity=Severity.CRITICAL.value, labels=labels, value=0)
    ticket = Firing(severity=Severity.WARNING.value, labels=labels, value=0)
    return (
        Case(
            name="an hour of failures pages and is a ticket; recovered, it is still a ticket",
            step="1m",
            inputs=_inputs(objective, (0, 30), (1, 60), (0, 45)),
            expect={"29m": (), "1h29m": (page, ticket), "2h14m": (ticket,)},
        ),
        Case(
            name="twice the budget's pace is a ticket",
            step="1m",
            inputs=_inputs(objective, (2 * objective.budget, 30), events=300.0),
            expect={"29m": (ticket,)},
        ),
        Case(
            name="half the budget's pace is silent",
            step="1m",
            inputs=_inputs(objective, (objective.budget / 2, 30), events=300.0),
            expect={"29m": ()},
        ),
        Case(
            name="one failure at night is silent",
            inputs=_inputs(objective, (0, 10), (1, 1), (0, 20), events=1.0),
            expect={"6m": (), "12m": ()},
        ),
        *objective.cases,
    )


def burn_alert(objective: Objective) -> Alert:
    """Return an objective's alert: critical where it must be mended now, warning where a ticket will do."""
    return Alert(
        name=objective.alert,
        subject=f"slo-{objective.slo}",
        group=Group.SLO,
        section="개요",
        helpers=recordings(objective),
        value=f"slo:sli_error:ratio_rate5m{{{objective.selector}}}",
        compare=None,
        by=tuple(label for label, _ in objective.labels),
        unit=Unit.TIMES,
        window=PERIOD,
        tiers=tuple(
            Tier(
                severity,
                min(burn.factor for burn in BURNS if burn.severity is severity),
                "0s",
                condition=_condition(objective, severity),
            )
            for severity in (Severity.CRITICAL, Severity.WARNING)
        ),
        summary=Text(
            f"오류 예산이 빠르게 줄고 있습니다: {objective.promise.ko}",
            f"An error budget burns too fast: {objective.promise.en}",
        ),
        description=Text(
            f"목표 '{objective.promise.ko} {objective.percent:g}%'의 {{window}} 오류 예산이 "
            "허용 속도의 {threshold}배를 넘어 소진되고 있습니다.",
            f"The {{window}} error budget of '{objective.promise.en}, {objective.percent:g}%' "
            "burns more than {threshold} times as fast as it may.",
        ),
        next_steps=(
            Text("함께 울리는 원인 알림부터 처리합니다.", "Begin with the alerts of the cause that fire as well."),
            Text(
                "남은 예산을 보고, 거의 없으면 배포를 멈춥니다.",
                "Look at the budget left; when there is hardly any, stop deploying.",
            ),
        ),
        cases=_cases(objective),
    )
