"""The Debian packages that the project needs, by purpose, and how they are installed without starting a service.

On a usual Debian these packages start services on the very ports that the stack uses (9090, 9093, 9100), at once and at
every boot. `install` therefore works under a temporary `policy-rc.d`, has PostgreSQL make no cluster, and switches off
at boot the services of the packages that it brought itself. A service that was there before is not touched.
"""

# ruff: noqa: S603 - the commands are fixed here; their arguments are the package names below
from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

APT_TIMEOUT_SECONDS = 1800
LOCK_TIMEOUT_SECONDS = 1800
SYSTEM_DIRECTORIES = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MARKER = "placed by photo-api's scripts/bootstrap for the time of an installation"


class InstallError(Exception):
    """The packages could not be installed; the message is what apt-get said last."""


@dataclass(frozen=True)
class Package:
    """A Debian package: the programs it is wanted for, and the service that it would start.

    A program is a name to be found in PATH or the system's directories, or a path with wildcards.
    """

    name: str
    programs: tuple[str, ...]
    service: str | None = None

    def is_missing(self) -> bool:
        """Tell whether one of the programs is not there, wherever it would come from."""
        return not all(_find(program) for program in self.programs)


PROMETHEUS = Package("prometheus", ("prometheus", "promtool"), service="prometheus")
ALERTMANAGER = Package(
    "prometheus-alertmanager", ("prometheus-alertmanager", "amtool"), service="prometheus-alertmanager"
)
NODE_EXPORTER = Package("prometheus-node-exporter", ("prometheus-node-exporter",), service="prometheus-node-exporter")
BLACKBOX_EXPORTER = Package(
    "prometheus-blackbox-exporter", ("prometheus-blackbox-exporter",), service="prometheus-blackbox-exporter"
)
HAPROXY = Package("haproxy", ("haproxy",), service="haproxy")
POSTGRESQL = Package("postgresql", ("/usr/lib/postgresql/*/bin/initdb",), service="postgresql")
REDIS = Package("redis-server", ("redis-server",), service="redis-server")
OPENSSL = Package("openssl", ("openssl",))
GIT = Package("git", ("git",))
WRK = Package("wrk", ("wrk",))
CHROMIUM = Package("chromium", ("chromium",))
HANGUL_FONTS = Package("fonts-noto-cjk", ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",))
PYTHON_VENV = Package("python3-venv", ())

_STACK = (PROMETHEUS, ALERTMANAGER, NODE_EXPORTER, BLACKBOX_EXPORTER, HAPROXY)
PACKAGES: dict[str, tuple[Package, ...]] = {
    "python": (),
    "check": (PROMETHEUS, ALERTMANAGER, GIT),
    "run": _STACK,
    "production": (*_STACK, POSTGRESQL, REDIS),
    "test": (*_STACK, POSTGRESQL, REDIS, CHROMIUM, HANGUL_FONTS, OPENSSL, GIT),
    "bench": (*_STACK, POSTGRESQL, WRK),
}
"""Purpose → packages; the purposes are those of the Makefile."""


def missing(purpose: str) -> list[Package]:
    """Return the packages of a purpose whose programs are not on this machine."""
    return [package for package in PACKAGES[purpose] if package.is_missing()]


def may_install() -> bool:
    """Tell whether this process may install packages: root on a system with apt-get."""
    return os.geteuid() == 0 and _find("apt-get")


def is_debian() -> bool:
    """Tell whether there is an apt-get at all."""
    return _find("apt-get")


def as_root(command: str) -> str:
    """Return the command line that runs `command` as root on this machine (with sudo where there is one)."""
    return f"sudo {command}" if _find("sudo") else f"su -c '{command}'"


def install(packages: Sequence[Package], say: Callable[[str], None], root: Path = Path("/")) -> None:
    """Install packages with apt-get; their services neither start now nor at boot.

    The package lists are refreshed when the first try fails (none there yet, or too old). `root` is where the system's
    files are. Raises InstallError with what apt-get said.
    """
    with _one_at_a_time(root, say), services_held_back(root):
        brought = [package for package in packages if not _is_installed(package)]
        try:
            _install(packages, say)
        finally:
            for package in brought:
                if package.service and _is_installed(package):
                    _run(["update-rc.d", package.service, "disable"])


@contextmanager
def services_held_back(root: Path = Path("/")) -> Iterator[None]:
    """While this is open, installed packages start no service, and PostgreSQL's makes no cluster.

    A `policy-rc.d` that was there is kept aside and put back. What a killed run left is put right first.
    """
    policy = root / "usr/sbin/policy-rc.d"
    kept = policy.with_name("policy-rc.d.kept-by-photo-api")
    cluster = root / "etc/postgresql-common/createcluster.d/photo-api-bootstrap.conf"
    made: list[Path] = []
    with _signals_wait():
        _undo(policy, kept, cluster, made)
    try:
        with _signals_wait():
            made += [folder for folder in (cluster.parent, cluster.parent.parent) if not folder.exists()]
            cluster.parent.mkdir(parents=True, exist_ok=True)
            cluster.write_text(f"# {_MARKER}\ncreate_main_cluster = false\n")
            if os.path.lexists(policy):
                policy.rename(kept)
            policy.write_text(f"#!/bin/sh\n# {_MARKER}\nexit 101\n")
            policy.chmod(0o755)
        yield
    finally:
        with _signals_wait():
            _undo(policy, kept, cluster, made)


def _undo(policy: Path, kept: Path, cluster: Path, made: Sequence[Path]) -> None:
    if os.path.lexists(kept):
        kept.replace(policy)
    elif policy.is_file() and _MARKER in policy.read_text(errors="replace"):
        policy.unlink()
    cluster.unlink(missing_ok=True)
    for folder in made:
        with suppress(OSError):  # the packages have put something there
            folder.rmdir()


@contextmanager
def _signals_wait() -> Iterator[None]:
    """Hold back the signals that end this program until the block is left."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _one_at_a_time(root: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Let one bootstrap at a time install: two would put each other's policy-rc.d away."""
    folder = root / "run/lock"
    folder.mkdir(parents=True, exist_ok=True)
    with file_lock(folder / "photo-api-bootstrap", say):
        yield


@contextmanager
def file_lock(path: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold an exclusive lock on a file; wait for another holder, at most LOCK_TIMEOUT_SECONDS (TimeoutError)."""
    deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
    with path.open("a") as file:
        waiting = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"another bootstrap has held {path} for {LOCK_TIMEOUT_SECONDS} s") from None
                if not waiting:
                    say("waiting for another bootstrap to finish")
                    waiting = True
                time.sleep(0.1)
        yield


def _install(packages: Sequence[Package], say: Callable[[str], None]) -> None:
    names = [package.name for package in packages]
    command = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "install", "-y", "--no-install-recommends", *names]
    say(f"installing Debian packages: {' '.join(names)}")
    begun = time.monotonic()
    code, _ = _run(command)
    if code != 0:
        say("refreshing apt's package lists")
        _run(["apt-get", "-o", "DPkg::Lock::Timeout=300", "update"])
        say("installing again")
        code, said = _run(command)
        if code != 0:
            raise InstallError(said)
    say(f"installed in {time.monotonic() - begun:.0f} s; their services are not started, now or at boot")


def _run(command: Sequence[str]) -> tuple[int, str]:
    """Run a system command without a terminal; return its exit status and the last lines it said.

    When this program is told to stop, the command is told so too, and waited for: apt-get finishes what dpkg has begun.
    """
    environment = os.environ | {
        "DEBIAN_FRONTEND": "noninteractive",
        "LC_ALL": "C.UTF-8",
        "NEEDRESTART_SUSPEND": "1",  # needrestart would restart services of others
        "PATH": _search_path(),
    }
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # Ctrl-C is for us to pass on
            preexec_fn=_hear_interrupts,  # noqa: PLW1509 - this program has one thread
        )
        try:
            code = child.wait(timeout=APT_TIMEOUT_SECONDS)
        except BaseException:
            with _signals_wait():
                child.send_signal(signal.SIGINT)
                child.wait(timeout=APT_TIMEOUT_SECONDS)
            raise
        said.seek(0)
        return code, "".join(said.readlines()[-12:]).strip()


def _hear_interrupts() -> None:
    """A shell's background job ignores SIGINT, and so would its children: what we send must be heard."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _is_installed(package: Package) -> bool:
    code, said = _run(["dpkg-query", "--show", "--showformat=${db:Status-Status}", package.name])
    return code == 0 and said == "installed"


def _find(program: str) -> bool:
    if "/" in program:
        return any(Path("/").glob(program.lstrip("/")))
    return shutil.which(program, path=_search_path()) is not None


def _search_path() -> str:
    """PATH, and the system's directories, which an ordinary user's PATH leaves out."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_DIRECTORIES])
