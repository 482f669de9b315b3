"""PostgreSQL of the profile ``production``: a cluster made once in the data directory, durable, on loopback only.

PostgreSQL refuses to serve as root. There it runs as the user ``postgres``, whose the cluster's directory then is, and
whose group may pass through the data directory. The service's role owns one database and nothing else; nobody can log
in as the superuser but by the single-user mode.
"""

import os
import pwd
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Final

import psutil

from photo_stack.components import Component, tool_environment
from photo_stack.errors import CannotStart, StackError
from photo_stack.layout import HOST, StackSettings

ROLE: Final = "photo_api"
DATABASE: Final = "photo_api"
_ACCOUNT: Final = "postgres"
_INITDB_SECONDS: Final = 180
_ORPHANS_SECONDS: Final = 15.0
_RULES: Final = f"# Written by photo-stack.\nhost {DATABASE} {ROLE} {HOST}/32 scram-sha-256\n"
_CONNECTIONS: Final = 200


def postgresql(settings: StackSettings, port: int, binary: str, password: str) -> Component:
    """The server; its cluster is made at its first start.

    Raises:
        CannotStart: we are root, and the user ``postgres`` is missing or cannot reach the data directory.
    """
    folder = settings.layout.data / "postgresql"
    cluster = folder / "data"
    as_user = _as_user(settings.layout.data, folder)
    server = _server(cluster, Path(binary))

    def prepare() -> None:
        _wait_for_orphans(cluster)
        _make_once(cluster, server.parent, as_user, password)

    return Component(
        name="postgresql",
        purpose=f"the service's database {DATABASE}",
        argv=(
            *(*as_user, str(server), "-D", str(cluster)),
            *("-c", f"listen_addresses={HOST}", "-c", f"port={port}", "-c", "unix_socket_directories="),
            *("-c", f"max_connections={_CONNECTIONS}", "-c", "log_line_prefix=%m [%p] "),
        ),
        port=port,
        url=f"postgresql://{ROLE}@{HOST}:{port}/{DATABASE}",
        ready_url=f"postgresql://{ROLE}@{HOST}:{port}/{DATABASE}",
        log_file=settings.layout.log_file("postgresql"),
        env=tool_environment(),
        cwd=folder,
        prepare=prepare,
        # After a crash its journal is replayed first.
        start_seconds=120.0,
        stop_signal=signal.SIGINT,  # "fast": clients are sent away
        stop_seconds=30.0,
    )


def _server(cluster: Path, newest: Path) -> Path:
    """The program of the version that made the cluster, where Debian still has it beside the newest."""
    made_by = cluster / "PG_VERSION"
    if not made_by.exists():
        return newest
    same = newest.parents[2] / made_by.read_text().strip() / "bin" / "postgres"
    return same if same.exists() else newest


def _as_user(data: Path, folder: Path) -> tuple[str, ...]:
    """What goes before each of PostgreSQL's commands; makes ``folder``, and makes it reachable."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    try:
        account = pwd.getpwnam(_ACCOUNT)
    except KeyError:
        account = None
    if setpriv is None or account is None:
        missing = "setpriv" if setpriv is None else f"the user {_ACCOUNT}"
        raise CannotStart(f"PostgreSQL does not run as root, and {missing} is missing: run photo-stack as another user")
    os.chown(data, -1, account.pw_gid)
    data.chmod(0o710)
    os.chown(folder, account.pw_uid, account.pw_gid)
    # The kernel forgets who is to die with us when the user changes, so that setpriv has to say it again.
    as_user = (
        *(setpriv, f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"),
        *("--pdeathsig", "KILL", "--"),
    )
    if subprocess.run([*as_user, "/usr/bin/test", "-x", str(folder)], check=False, cwd="/", timeout=10).returncode != 0:  # noqa: S603 - our own command
        raise CannotStart(
            f"PostgreSQL does not run as root, and the user {_ACCOUNT} cannot reach {folder}: choose a directory with"
            f" --data whose parents let everybody pass (chmod o+x), such as /var/lib/photo-stack"
        )
    return as_user


def _make_once(cluster: Path, binaries: Path, as_user: tuple[str, ...], password: str) -> None:
    if (cluster / "PG_VERSION").exists():
        return
    draft = cluster.with_name("data.new")
    shutil.rmtree(draft, ignore_errors=True)
    options = ("--encoding=UTF8", "--locale=C.UTF-8", f"--username={_ACCOUNT}", "--auth=reject")
    _run((*as_user, str(binaries / "initdb"), *options, "-D", str(draft)), draft.parent)
    # A password on a command line could be read by everybody.
    statements = f"CREATE ROLE {ROLE} LOGIN PASSWORD '{password}';\nCREATE DATABASE {DATABASE} OWNER {ROLE};\n"
    _run((*as_user, str(binaries / "postgres"), "--single", "-D", str(draft), "postgres"), draft.parent, statements)
    (draft / "pg_hba.conf").write_text(_RULES)
    draft.rename(cluster)


def _run(command: tuple[str, ...], folder: Path, said: str = "") -> None:
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command,
            input=said,
            capture_output=True,
            text=True,
            timeout=_INITDB_SECONDS,
            check=False,
            cwd=folder,
            env=tool_environment(),
            start_new_session=True,  # Ctrl-C is the supervisor's to hear
        )
    except subprocess.TimeoutExpired:
        raise StackError(f"could not make its cluster within {_INITDB_SECONDS} s") from None
    # The single-user mode goes on after an error, and shows the statement on lines of their own.
    faults = [line for line in done.stderr.splitlines() if re.search(r"\b(ERROR|FATAL|PANIC)\b|error:", line)]
    if done.returncode != 0 or faults:
        raise StackError(f"could not make its cluster: {faults[0] if faults else f'exit code {done.returncode}'}")


def _wait_for_orphans(cluster: Path) -> None:
    """After a SIGKILL the server's children hold its shared memory for a moment, and a new one would end at once."""
    deadline = time.monotonic() + _ORPHANS_SECONDS
    while still := _working_in(cluster):
        if time.monotonic() > deadline:
            raise StackError(f"cannot start: processes of another server work in {cluster} (pid {still[0]}); end them")
        time.sleep(0.05)


def _working_in(cluster: Path) -> list[int]:
    if not (cluster / "postmaster.pid").exists():
        return []
    return [process.pid for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(cluster)]
