"""Alerts of a common shape, from what is particular about one."""

import re
from typing import Final

from photo_monitoring.criteria import Alert, Group, Recording, Text, Tier, Unit
from photo_monitoring.proofs.stimuli import Case, PerMinute

_WORD: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_TOO_OFTEN: Final = Text(
    "모든 인스턴스를 합해 분당 {value}건입니다. 기준 {threshold}건 이상이 {hold} 동안 이어졌습니다.",
    "{value} a minute over all instances; {threshold} or more for {hold}.",
)


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
