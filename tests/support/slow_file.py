"""A file that is slow to open, as on an overloaded disk: a real fault, by a lease of the kernel (fcntl(2)).

The kernel tells the lease's holder of a reader by SIGIO, which ends a process that does not expect it: the holder is a
process of its own, this file run as a program with the path and the seconds.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_POLL_SECONDS = 0.01


@contextmanager
def slow_to_open(path: Path, seconds: float) -> Iterator[None]:
    """Let whoever opens the file wait up to `seconds`, again and again, until the block ends."""
    holder = subprocess.Popen([sys.executable, __file__, str(path), str(seconds)])
    try:
        yield
        assert holder.poll() is None, "the holder of the lease died"
    finally:
        holder.kill()
        holder.wait(10)


def _hold(path: str, seconds: float) -> None:
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    descriptor = os.open(path, os.O_RDWR)
    while True:
        with suppress(OSError):  # somebody has it open just now
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            while fcntl.fcntl(descriptor, fcntl.F_GETLEASE) == fcntl.F_WRLCK:
                time.sleep(_POLL_SECONDS)
            time.sleep(seconds)
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        time.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    _hold(sys.argv[1], float(sys.argv[2]))
