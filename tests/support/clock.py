"""Time that passes when a test says so."""

from dataclasses import dataclass


@dataclass
class Clock:
    """Seconds; called as ``time.monotonic`` or ``time.time`` is."""

    now: float = 0.0

    def __call__(self) -> float:
        """The time that was set."""
        return self.now
