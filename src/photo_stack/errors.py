"""What can go wrong with a stack, as one tree; each class carries the exit code of the command that meets it.

StackError                1   the work failed
├── ComponentFailed       1   a component did not become ready; names it and its log file
├── CommandRefused        1   a command to a running stack cannot be carried out
├── NotRunning            3   no stack runs on this data directory (LSB: "program is not running")
└── CannotStart           4   nothing was started: a port is taken, a binary is missing, another stack runs
"""

from pathlib import Path
from typing import ClassVar


class StackError(Exception):
    """The message is one line for a person (CannotStart: one for each problem): what failed, where, what to do."""

    exit_code: ClassVar[int] = 1


class ComponentFailed(StackError):
    """A component did not become ready; the message ends with the last lines of its log."""

    def __init__(self, name: str, reason: str, log_file: Path) -> None:
        tail = last_lines(log_file)
        shown = "".join(f"\n    {line}" for line in tail)
        super().__init__(f"{name} {reason}; log file: {log_file}{shown}")


class CommandRefused(StackError):
    """The stack runs, but does not do this."""


class NotRunning(StackError):
    """No supervisor answers for this data directory."""

    exit_code = 3


class CannotStart(StackError):
    """Found before anything was started."""

    exit_code = 4


def last_lines(path: Path, count: int = 5, at_most_bytes: int = 4_096) -> list[str]:
    """The last ``count`` lines of a log file, each cut at 300 characters; an unreadable file has none."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - at_most_bytes))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line[:300] for line in text.splitlines() if line.strip()][-count:]
