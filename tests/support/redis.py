"""A real Redis of a test's own, that can be stopped, frozen and started again on the same port."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import accepts, free_port, wait_until


class RedisServer:
    """``redis-server`` that keeps nothing on disk."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._directory = directory
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        """Start, and wait until it answers."""
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        with (self._directory / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._options, *options], stdout=log, stderr=log, cwd=self._directory
            )
        wait_until(lambda: accepts(self.port), "Redis' start")

    def kill(self) -> None:
        """End it at once; also one that is frozen."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def freeze(self) -> None:
        """Keep its port and connections open, and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def command(self, *words: str) -> str:
        """What ``redis-cli`` prints of a command."""
        cli = ["redis-cli", "-p", str(self.port), *words]
        return subprocess.run(cli, check=True, capture_output=True, text=True, timeout=10).stdout.strip()


@contextmanager
def running_redis(directory: Path, *options: str) -> Iterator[RedisServer]:
    """A started server; killed at the end."""
    server = RedisServer(directory, *options)
    try:
        server.start()
        yield server
    finally:
        server.kill()
