"""Throwaway PostgreSQL servers on free ports: one for everybody, or one that a test kills, restarts and replaces."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import asyncpg
from tests.support.ports import free_port, wait_until


def _binaries() -> Path:
    """Where initdb and postgres are: the newest version's, as Debian lays them out, else of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    if on_path:
        return Path(on_path).parent
    raise FileNotFoundError("PostgreSQL is missing: sudo apt-get install postgresql")


class PostgreSQLServer:
    """A cluster in a directory, and the process that serves it: as ``postgres``, where the tests are root's."""

    def __init__(self, directory: Path, options: Mapping[str, str]) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"postgresql://postgres@{self.address}/postgres"
        self.log = directory / "log"
        self.data = directory / "data"
        self._directory = directory
        self._options = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(directory),
            "fsync": "off",
            "log_line_prefix": "%d ",  # the database: statements are told apart by it
            **options,
        }
        self._binaries = _binaries()
        self._as_user: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._frozen: list[int] = []
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(directory, account.pw_uid, account.pw_gid)
            self._as_user = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_user, str(self._binaries / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self._directory, timeout=60)

    def make(self) -> None:
        """Make an empty cluster. Everybody is let in, but for roles in the group ``locked``, who need a password."""
        self._run("initdb", "--no-sync", "--locale=C.UTF-8", "-A", "trust", "-U", "postgres", "-D", str(self.data))
        rules = self.data / "pg_hba.conf"
        rules.write_text("host all +locked 127.0.0.1/32 scram-sha-256\n" + rules.read_text())

    def copy(self, primary: "PostgreSQLServer") -> None:
        """Become a standby of a running server."""
        self._run(
            "pg_basebackup", "-d", primary.url, "-D", str(self.data), "--write-recovery-conf", "--checkpoint=fast"
        )

    def start(self) -> None:
        """Serve; returns when clients are let in."""
        flags = [f"--{key}={value}" for key, value in self._options.items()]
        command = [*self._as_user, str(self._binaries / "postgres"), "-D", str(self.data), *flags]
        # After a kill the old server's children hold its shared memory for a moment, and a new one ends at once.
        wait_until(lambda: self._started(command), f"PostgreSQL's start (log: {self.log})")

    def _started(self, command: list[str]) -> bool:
        if self._process is None or self._process.poll() is not None:
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._directory)
        is_ready = [str(self._binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(is_ready, check=False, timeout=10).returncode == 0

    def freeze(self) -> None:
        """Let it say nothing more: connections stay, and are taken, as those of a machine that hangs do."""
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        self._frozen = [pid, *map(int, children)]
        for process in self._frozen:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGSTOP)

    def kill(self) -> None:
        """SIGKILL to the postmaster: nothing is written, no client is told."""
        self.stop(signal.SIGKILL)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: by SIGINT clients are sent away at once ("fast"), by SIGTERM they are waited for."""
        for process in self._frozen[1:]:  # else they would stay for ever
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL if self._frozen else how)
            self._process.wait(20)
            self._process, self._frozen = None, []

    def promote(self) -> None:
        """Make a standby the primary; returns when it takes writes."""
        self._run("pg_ctl", "promote", "-D", str(self.data), "--wait", "--timeout=20")


@contextmanager
def postgresql_cluster(primary: PostgreSQLServer | None = None, **options: str) -> Iterator[PostgreSQLServer]:
    """A running server of the test's own, with these settings; a standby of ``primary`` where that is given."""
    directory = Path(tempfile.mkdtemp(prefix="photo-api-pg-"))
    try:
        server = PostgreSQLServer(directory, options)
        if primary is None:
            server.make()
        else:
            server.copy(primary)
        try:
            server.start()
            yield server
        finally:
            with suppress(ProcessLookupError):
                server.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def running_postgresql() -> Iterator[str]:
    """The URL of a new cluster's ``postgres`` database."""
    with postgresql_cluster() as server:
        yield server.url


def new_database(server_url: str) -> str:
    """Make an empty database on a server; its URL."""
    name = f"test_{uuid4().hex}"

    async def create() -> None:
        connection = await asyncpg.connect(server_url)
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()

    asyncio.run(create())
    return server_url.rsplit("/", 1)[0] + f"/{name}"
