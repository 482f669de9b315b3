"""What an audit found: counted exactly, with some of each kind told in words, so that memory stays bounded."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

TOLD: Final = 100
"""Findings of a kind that are told one by one."""


class Kind(StrEnum):
    """What can be wrong."""

    TOTAL = "total"
    """A business total is not what the tables say."""
    USER_BYTES = "user_bytes"
    """A user's sum of bytes is not that of his photos."""
    ALBUM_LINKS = "album_links"
    """An album's number of open links is not that of its links."""
    ACTIVE_DAY = "active_day"
    """A day's number of active users is not that of the users."""
    OBJECT_MISSING = "object_missing"
    """A photo has no object: never repaired, for only a backup has its bytes."""
    OBJECT_SIZE = "object_size"
    """A photo's object has another size: never repaired."""
    OBJECT_ORPHANED = "object_orphaned"
    """An object has no photo, and nothing will delete it."""
    METRIC = "metric"
    """An instance publishes something else than the database holds."""


REPAIRABLE: Final = frozenset({Kind.TOTAL, Kind.USER_BYTES, Kind.ALBUM_LINKS, Kind.ACTIVE_DAY, Kind.OBJECT_ORPHANED})


@dataclass(slots=True)
class Findings:
    """Gathers what is wrong, what was repaired of it, and what was looked at."""

    counts: Counter[Kind] = field(default_factory=Counter)
    repaired: Counter[Kind] = field(default_factory=Counter)
    told: dict[Kind, list[str]] = field(default_factory=dict)
    checked: dict[str, int] = field(default_factory=dict)
    """How many of what."""
    remarks: list[str] = field(default_factory=list)
    """What was not done, and why; a line each."""
    unread: int = 0
    """Instances that ended while they were compared: a remark says which."""

    def add(self, kind: Kind, text: str) -> None:
        """Something is wrong; ``text`` is one line."""
        self.counts[kind] += 1
        told = self.told.setdefault(kind, [])
        if len(told) < TOLD:
            told.append(text)

    @property
    def ok(self) -> bool:
        """Whether all was looked at, and nothing is wrong, or all of it was repaired."""
        return not self.unread and all(self.repaired[kind] >= count for kind, count in self.counts.items())

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``: ``{"ok", "checked": {what: n}, "remarks", "findings": [{kind, count, repaired, told}]}``."""
        found = [
            {"kind": kind.value, "count": self.counts[kind], "repaired": self.repaired[kind], "told": self.told[kind]}
            for kind in Kind
            if self.counts[kind]
        ]
        return {"ok": self.ok, "checked": self.checked, "remarks": self.remarks, "findings": found}

    def lines(self) -> list[str]:
        """For people: a line a finding, and at the end how many things were looked at."""
        said: list[str] = []
        for kind in Kind:
            told = self.told.get(kind, [])
            said.extend(f"{kind.value}: {text}" for text in told)
            if self.counts[kind] > len(told):
                said.append(f"{kind.value}: and {self.counts[kind] - len(told)} more")
            if self.repaired[kind]:
                said.append(f"{kind.value}: repaired {self.repaired[kind]} of {self.counts[kind]}")
        said.extend(self.remarks)
        looked = ", ".join(f"{number} {what}" for what, number in self.checked.items())
        wrong = sum((self.counts - self.repaired).values())
        result = f"{wrong} to be repaired" if wrong else "all is right"
        if self.unread:
            result += f", but {self.unread} of the instances could not be compared"
        return [*said, f"looked at {looked}: {result}"]
