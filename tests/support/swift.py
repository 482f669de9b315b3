"""A real OpenStack Swift on a free port."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from tests.support.ports import free_port, wait_until

USER = "photos:photo-api"
TENANT, USERNAME = USER.split(":")
REGION = "KR1"


class Swift:
    """A server that can be stopped and started again on the same port and data.

    Its URLs: tempauth at ``auth_url``, the account's objects below ``storage_url``, S3 at ``url`` (key ``USER``).
    """

    def __init__(self, directory: Path, *, token_seconds: int = 3_600) -> None:
        self.data = directory / "swift"
        self.password = secrets.token_hex(16)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.auth_url = f"{self.url}/auth/v1.0"
        self.storage_url = f"{self.url}/v1/AUTH_{TENANT}"
        self._log = directory / "swift.log"
        self._token_seconds = token_seconds
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        command = [sys.executable, "-m", "photo_stack.providers.swift_server", "--data", str(self.data), "--user", USER]
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [*command, "--port", str(self.port), "--region", REGION, "--token-seconds", str(self._token_seconds)],
                stdout=log,
                stderr=log,
                env=os.environ | {"SWIFT_PASSWORD": self.password},
            )
        self._process = process

        def answers() -> bool:
            assert process.poll() is None, self._log.read_text()
            try:
                return httpx.get(f"{self.url}/healthcheck", timeout=5).status_code == 200
            except httpx.TransportError:
                return False

        wait_until(answers, f"Swift's start (log: {self._log})", 60)

    def stop(self, number: signal.Signals = signal.SIGTERM, *, patience_seconds: float = 20) -> int:
        """Signal it and wait for its end, which is forced after a while (`subprocess.TimeoutExpired`); the exit code.

        A server of the same event loop must not be kept waiting: call it in a thread there.
        """
        assert self._process is not None
        process, self._process = self._process, None
        process.send_signal(number)
        try:
            return process.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    @property
    def is_running(self) -> bool:
        """Whether it was started and not stopped."""
        return self._process is not None

    def token(self) -> str:
        """A token of the account's owner, from tempauth."""
        headers = {"X-Storage-User": USER, "X-Storage-Pass": self.password}
        return httpx.get(self.auth_url, headers=headers, timeout=10).raise_for_status().headers["X-Auth-Token"]

    @property
    def log(self) -> str:
        """What it wrote."""
        return self._log.read_text()


@contextmanager
def running_swift(*, token_seconds: int = 3_600) -> Iterator[Swift]:
    """A new Swift with nothing in it, until the block ends."""
    directory = Path(tempfile.mkdtemp(prefix="photo-api-swift-", dir=_in_memory()))
    swift = Swift(directory, token_seconds=token_seconds)
    try:
        swift.start()
        yield swift
    finally:
        if swift.is_running:
            swift.stop(signal.SIGKILL)
        shutil.rmtree(directory, ignore_errors=True)


def _in_memory() -> str | None:
    """Where no PUT waits for a disk, if there is room, and the kernel keeps extended attributes there."""
    memory = Path("/dev/shm")  # noqa: S108 - `mkdtemp` makes a directory of our own in it
    try:
        with tempfile.TemporaryDirectory(dir=memory) as probe:
            os.setxattr(probe, "user.swift", b"")
        room = shutil.disk_usage(memory).free
    except OSError:
        return None
    return str(memory) if room > 1 << 30 else None


def swift_settings(swift: Swift, **changed: Any) -> dict[str, Any]:
    """Settings of a service that keeps its photos in a new container of that server."""
    return {
        "storage": "swift",
        "swift_auth_url": swift.auth_url,
        "swift_username": USER,
        "swift_password": swift.password,
        "swift_container": f"photos-{uuid4().hex}",
        "swift_temp_url_key": secrets.token_hex(16),
        "storage_timeout_seconds": 5.0,
    } | changed
