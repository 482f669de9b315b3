"""A throwaway PostgreSQL cluster on a free port."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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


@contextmanager
def running_postgresql() -> Iterator[str]:
    """The URL of a new cluster's ``postgres`` database; PostgreSQL refuses root, which hands it to ``postgres``."""
    binaries = _binaries()
    as_user: list[str] = []
    directory = Path(tempfile.mkdtemp(prefix="photo-api-pg-"))
    try:
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(directory, account.pw_uid, account.pw_gid)
            as_user = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
        data, port = directory / "data", free_port()
        initdb = [*as_user, str(binaries / "initdb"), "--no-sync", "--locale=C.UTF-8", "-A", "trust", "-U", "postgres"]
        subprocess.run([*initdb, "-D", str(data)], check=True, capture_output=True, cwd=directory, timeout=60)
        log = (directory / "log").open("wb")
        options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": directory, "fsync": "off"}
        flags = [f"--{key}={value}" for key, value in options.items()]
        server = subprocess.Popen(
            [*as_user, str(binaries / "postgres"), "-D", str(data), *flags], stdout=log, stderr=log, cwd=directory
        )
        try:
            is_ready = [str(binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
            # It listens before it lets anybody in.
            wait_until(
                lambda: subprocess.run(is_ready, check=False, timeout=10).returncode == 0,
                f"PostgreSQL's start (log: {log.name})",
            )
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            server.wait(20)
            log.close()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
