"""Alerts of a common shape, from what is particular about one."""

import re
from typing import Final

from photo_monitoring.criteria import Alert, Group, Recording, Text, Tier, Unit
from photo_monitoring.proofs.stimuli import Case, PerMinute, Ratio, Slow

_WORD: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_TOO_OFTEN: Final = Text(
    "모든 인스턴스를 합해 분당 {value}건입니다. 기준 {threshold}건 이상이 {hold} 동안 이어졌습니다.",
    "{value} a minute over all instances; {threshold} or more for {hold}.",
)
_SLOW_SHARE: Final = 0.05
_SERIES: Final = re.compile(r'(\w+)\{(\w+)="(\w+)"\}')


def subject_of(name: str) -> str:
    """Return an alert's name as a subject: `VerifierRestarting` → `verifier-restarting`."""
    return _WORD.sub("-", name).lower()


def per_minute(
    name: str,
    *,
    counter: str,
    tiers: tuple[Tier, ...],
    summary: Text,
    next_steps: tuple[Text, ...],
    description: Text = _TOO_OFTEN,
    subject: str | None = None,
    group: Group = Group.STABILITY,
    section: str = "3.1",
    fed: str | None = None,
    cases: tuple[Case, ...] = (),
) -> Alert:
    """Declare an alert on how often a counter grows a minute, over all instances: at the threshold or more.

    Unless said otherwise it is about errors (guide 3.1), and its subject is its name. `fed` is the series that tests
    feed, for a counter with labels. What it needs recorded and how it is tested follows.
    """
    return Alert(
        name=name,
        subject=subject or subject_of(name),
        group=group,
        section=section,
        value=Recording(
            f"job:{counter.removesuffix('_total')}_per_minute:rate5m",
            f"sum by (job) (rate({counter}{{$api}}[${{5m}}])) * 60",
        ),
        compare=">=",
        by=("job",),
        unit=Unit.PER_MINUTE,
        tiers=tiers,
        summary=summary,
        description=description,
        next_steps=next_steps,
        stimulus=PerMinute(counter=fed or counter),
        cases=cases,
    )


def share_of(
    name: str,
    *,
    part: str,
    others: str,
    tiers: tuple[Tier, ...],
    summary: Text,
    next_steps: tuple[Text, ...],
    description: Text,
    symptom_of: tuple[str, ...] = (),
) -> Alert:
    """Declare an alert on the share of one kind of event among two, over all instances: above the threshold.

    `part` and `others` are series of one counter that differ in a label: `x_total{via="fallback"}`. The tiers' minimum
    is of both together. `ValueError` where they are not such a pair.
    """
    found = [_SERIES.fullmatch(series) for series in (part, others)]
    if found[0] is None or found[1] is None or found[0].group(1, 2) != found[1].group(1, 2):
        msg = f"{name}: {part} and {others} are no two values of one counter's label"
        raise ValueError(msg)
    counter, label, kind = found[0].groups()
    other = found[1][3]
    base = counter.removesuffix("_total")
    both = f'{counter}{{$api, {label}=~"{other}|{kind}"}}[${{5m}}]'
    return Alert(
        name=name,
        subject=subject_of(name),
        group=Group.STABILITY,
        section="3.1",
        symptom_of=symptom_of,
        value=Recording(
            f"job:{base}_{kind}:ratio_rate5m",
            f'sum by (job) (rate({counter}{{$api, {label}="{kind}"}}[${{5m}}]))\n/\nsum by (job) (rate({both}))',
        ),
        volume=Recording(f"job:{base}_{other}_or_{kind}:increase5m", f"sum by (job) (increase({both}))"),
        by=("job",),
        unit=Unit.RATIO,
        tiers=tiers,
        summary=summary,
        description=description,
        next_steps=next_steps,
        stimulus=Ratio(part=part, others=others),
    )


def slow(
    name: str,
    *,
    subject: str,
    histogram: str,
    tiers: tuple[Tier, ...],
    summary: Text,
    next_steps: tuple[Text, ...],
    description: Text,
    symptom_of: tuple[str, ...] = (),
) -> Alert:
    """Declare an alert on how many of a histogram's observations took longer than a tier's threshold (a bucket of it).

    It fires above 5 % of them (P95), over all instances; the tiers' minimum is of observations. The histogram has no
    labels of its own.
    """
    base = histogram.removesuffix("_duration_seconds")
    return Alert(
        name=name,
        subject=subject,
        group=Group.STABILITY,
        section="3.1",
        symptom_of=symptom_of,
        value=f"""
1 -
sum by (job) (rate({histogram}_bucket{{$api, le="$limit"}}[${{5m}}]))
/
sum by (job) (rate({histogram}_count{{$api}}[${{5m}}]))
""",
        share=_SLOW_SHARE,
        volume=Recording(f"job:{base}s:increase5m", f"sum by (job) (increase({histogram}_count{{$api}}[${{5m}}]))"),
        by=("job",),
        unit=Unit.RATIO,
        tiers=tiers,
        summary=summary,
        description=description,
        next_steps=next_steps,
        stimulus=Slow(metric=histogram),
    )
