"""What is found of a part of an expression, and how parts make a whole."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from photo_monitoring.criteria import Text


class Status(StrEnum):
    """Whether a criterion, or a part of its expression, can do its work.

    `live`: as soon as what it watches for happens; `waiting`: once its first event, or enough history, is there;
    `wrong`: it has results, and they are false; `silent`: never, as things are; `unknown`: nobody could look.
    """

    LIVE = "live"
    WAITING = "waiting"
    WRONG = "wrong"
    UNKNOWN = "unknown"
    SILENT = "silent"


_RANK: Final = {status: rank for rank, status in enumerate(Status)}


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing to mend: what is found, and what to do, each a line; equal causes are one."""

    kind: str
    what: Text
    remedy: Text


Causes = tuple[Cause, ...]

EVENTS: Final = frozenset({"no-route", "not-seen", "first-event"})
"""Kinds of causes that say that something does not happen, not that it could not be seen."""


Way = frozenset[Cause]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A status, the ways in which it becomes live, and what else is worth knowing.

    Of `ways`, any one does: all its causes are to be mended; what is live has an empty one. `history` is how far back,
    in seconds, data has to reach.
    """

    status: Status = Status.LIVE
    ways: tuple[Way, ...] = (frozenset(),)
    notes: Causes = ()
    history: float = 0.0

    @property
    def causes(self) -> Causes:
        """Everything that is to blame, in an order that is always the same."""
        return tuple(sorted({cause for way in self.ways for cause in way}, key=lambda one: (one.kind, one.what.en)))

    @property
    def usable(self) -> bool:
        """Whether it has results, or will have."""
        return self.status in {Status.LIVE, Status.WAITING}


LIVE: Final = Outcome()
NOTHING: Final = Outcome(Status.SILENT, ())
"""What a recording gives that reads itself, before anything else gave it a value."""

_MOST_WAYS: Final = 12


def failed(status: Status, *causes: Cause) -> Outcome:
    """Return an outcome that all these causes are to blame for."""
    return Outcome(status, (frozenset(causes),))


def merged(*groups: Causes) -> Causes:
    """Return causes once each, in order."""
    return tuple(dict.fromkeys(cause for group in groups for cause in group))


def _shortest(ways: Iterable[Way]) -> tuple[Way, ...]:
    """Return the ways that need nothing which a shorter one does without."""
    kept: list[Way] = []
    for way in sorted(set(ways), key=lambda one: (len(one), sorted(cause.what.en for cause in one))):
        if not any(shorter <= way for shorter in kept):
            kept.append(way)
    return tuple(kept[:_MOST_WAYS])


def both(left: Outcome, right: Outcome) -> Outcome:
    """Combine parts that are both needed: no better than the worse."""
    worst = max(left, right, key=lambda one: _RANK[one.status])
    return Outcome(
        worst.status,
        _shortest(one | other for one in left.ways for other in right.ways),
        merged(left.notes, right.notes),
        max(left.history, right.history),
    )


def either(left: Outcome, right: Outcome) -> Outcome:
    """Combine alternatives: the better one decides, and what the other lacks is worth a note; wrong is wrong."""
    notes, history = merged(left.notes, right.notes), min(left.history, right.history)
    wrong = [one for one in (left, right) if one.status is Status.WRONG]
    if wrong:
        ways = wrong[0].ways if len(wrong) == 1 else both(left, right).ways
        rest = [one.causes for one in (left, right) if one.status is not Status.WRONG]
        return Outcome(Status.WRONG, ways, merged(*rest, notes), history)
    better, other = sorted((left, right), key=lambda one: _RANK[one.status])
    if better.usable:
        return Outcome(better.status, better.ways, merged(notes, other.causes), history)
    return Outcome(better.status, _shortest((*left.ways, *right.ways)), notes, history)


def without(left: Outcome, exception: Outcome) -> Outcome:
    """Combine with an exception (`unless`): lacking it, the rest still works; a wrong one spoils it."""
    if exception.status is Status.WRONG:
        return both(left, exception)
    # What is not there to be excepted is no fault.
    found = (one for one in (*exception.causes, *exception.notes) if one.kind not in EVENTS)
    return replace(left, notes=merged(left.notes, tuple(found)))


def noted(outcome: Outcome, *notes: Cause) -> Outcome:
    """Return an outcome with more notes."""
    return replace(outcome, notes=merged(outcome.notes, notes))
