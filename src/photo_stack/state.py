"""``stack.json``: what runs where; written by the supervisor, read by the other commands and by traffic generators."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from photo_stack.errors import CannotStart, NotRunning
from photo_stack.layout import Layout

FORMAT_VERSION = 1


@contextmanager
def sole_supervisor(layout: Layout) -> Iterator[None]:
    """Hold the data directory's lock; the kernel gives it back however the holder ends.

    Raises:
        CannotStart: another supervisor holds it, or the directory is not writable.
    """
    try:
        descriptor = os.open(layout.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotStart(f"{layout.lock_file}: {error.strerror}; choose another directory with --data") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                f"a stack already runs on {layout.data}{_supervisor_pid(layout)};"
                f" photo-stack down --data {layout.data} stops it"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


def read_state(layout: Layout) -> dict[str, Any]:
    """The document as last written, whether or not its supervisor still lives.

    Raises:
        NotRunning: there is none, or it cannot be read.
    """
    try:
        document = json.loads(layout.state_file.read_text())
    except FileNotFoundError:
        raise NotRunning(f"no stack has run on {layout.data}; photo-stack up --data {layout.data} starts one") from None
    except (OSError, ValueError) as error:
        raise NotRunning(f"{layout.state_file} cannot be read: {error}") from None
    if not isinstance(document, dict):
        raise NotRunning(f"{layout.state_file} is not a stack's state")
    return document


def why_not_running(layout: Layout, document: dict[str, Any]) -> NotRunning:
    """For a document whose supervisor does not answer: stopped as planned, or died and left the file stale."""
    again = f"photo-stack up --data {layout.data} starts it again"
    if document.get("state") == "stopped":
        return NotRunning(f"the stack on {layout.data} is stopped; {again}")
    return NotRunning(
        f"the stack on {layout.data} is not running: its supervisor{_supervisor_pid(layout)} died and left a stale"
        f" {layout.state_file.name}; {again}"
    )


def _supervisor_pid(layout: Layout) -> str:
    try:
        pid = layout.lock_file.read_text().strip()
    except OSError:
        return ""
    return f" (pid {pid})" if pid else ""
