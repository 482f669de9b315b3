"""Set up this checkout for a purpose: `.venv` with the locked dependencies, and the Debian packages it needs.

    scripts/bootstrap [--packages] [python|check|run|test|bench]

Bare Debian 12 with python3 is enough to begin with. uv, at the version below, comes into `.bootstrap/` by whichever
installer is there: a uv, pip, or the venv module; as root, Debian's package for the last is installed first. Where
packages are missing and this user may not install them, the exact command to type is printed and the exit status is 1.
Nothing is done, quickly and silently, where nothing is missing. The user's own settings of apt, pip and uv hold.
"""

# ruff: noqa: S603 - the commands are fixed here, run without a shell
from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from scripts import debian

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

UV_VERSION = "0.13.9"
ROOT = Path(__file__).resolve().parent.parent
PRIVATE = ROOT / ".bootstrap"
UV = PRIVATE / "bin" / "uv"
VENV = ROOT / ".venv"
DOWNLOAD_TIMEOUT_SECONDS = 1800


class SetupError(Exception):
    """The checkout could not be set up; the message says what failed and what to do."""


def say(line: str) -> None:
    """Print one line of progress."""
    sys.stdout.write(f"bootstrap: {line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Set up what the arguments ask for; return the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/bootstrap", description="Set up this checkout.")
    parser.add_argument("purpose", nargs="?", default="run", choices=list(debian.PACKAGES), help="default: run")
    parser.add_argument("--packages", action="store_true", help="install Debian packages only, as root")
    options = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        return set_up(options.purpose, packages_only=options.packages)
    except KeyboardInterrupt:
        say("interrupted; start it again to go on")
        return 128 + signal.SIGINT
    except (SetupError, OSError, subprocess.TimeoutExpired) as error:
        sys.stderr.write(f"bootstrap: {error}\n")
    return 1


def set_up(purpose: str, *, packages_only: bool) -> int:
    """Install what a purpose needs; return 0, or 1 when packages are still missing, after saying what to do."""
    lacking = debian.missing(purpose)
    no_installer = not UV.exists() and _uv_installer() is None
    if no_installer or (packages_only and importlib.util.find_spec("ensurepip") is None):
        lacking.insert(0, debian.PYTHON_VENV)
    refusal = ""
    if lacking and debian.may_install():
        try:
            debian.install(lacking, say)
            lacking = debian.missing(purpose)
            refusal = f"bootstrap: the packages are installed, but not the programs expected: {_programs(lacking)}\n"
        except debian.InstallError as error:
            refusal = f"{error}\nbootstrap: apt-get could not install the packages; its last words are above\n"
        importlib.invalidate_caches()
        no_installer = not UV.exists() and _uv_installer() is None
    if not packages_only and not no_installer:
        make_environment()
    if not lacking:
        return 0
    sys.stderr.write(refusal or request_to_root(lacking, purpose))
    if not packages_only:
        first = "with python3-venv and scripts/bootstrap python, " if no_installer else ""
        sys.stderr.write(f"bootstrap: {first}the service alone runs without them: .venv/bin/photo-api serve\n")
    return 1


def make_environment() -> None:
    """Bring `.venv` to exactly what uv.lock says, with every extra; raise SetupError with what to do."""
    for folder in (ROOT, PRIVATE, VENV):
        if folder.exists() and not os.access(folder, os.W_OK):
            raise SetupError(f"{folder} is not writable by this user: change its owner, or remove it if it is .venv")
    (PRIVATE / "bin").mkdir(parents=True, exist_ok=True)
    (PRIVATE / ".gitignore").write_text("*\n")
    with debian.file_lock(PRIVATE / "lock", say):
        if _uv_version() != UV_VERSION:
            _install_uv()
        _sync()


def _sync() -> None:
    command: list[str | Path] = [UV, "sync", "--locked", "--all-extras"]
    if not (VENV / "bin" / "python").exists():
        command += ["--python", sys.executable]
    elif _call([*command, "--check", "--quiet"], output=subprocess.DEVNULL) == 0:
        return
    say("installing the locked dependencies into .venv")
    begun = time.monotonic()
    if _call(command) != 0:
        raise SetupError(
            "uv could not install the locked dependencies; its words are above. Without a network, or behind a mirror, "
            "set what it names (UV_DEFAULT_INDEX, SSL_CERT_FILE, HTTPS_PROXY) and start again"
        )
    say(f".venv is ready after {time.monotonic() - begun:.0f} s")


def _uv_version() -> str | None:
    if not UV.exists():
        return None
    answer = subprocess.run([UV, "--version"], capture_output=True, text=True, timeout=30, check=False)
    words = answer.stdout.split()
    return words[1] if answer.returncode == 0 and len(words) > 1 else None


def _uv_installer() -> Callable[[Path], list[Sequence[str | Path]]] | None:
    """Return what gives the commands that put uv below a folder, or None where there is no installer."""
    wanted = f"uv=={UV_VERSION}"
    uv = shutil.which("uv")
    if uv:
        return lambda folder: [[uv, "pip", "install", "--python", sys.executable, "--target", folder, wanted]]
    pip_options = ("install", "--quiet", "--disable-pip-version-check", "--root-user-action=ignore", "--no-deps")
    if importlib.util.find_spec("pip"):
        return lambda folder: [[sys.executable, "-m", "pip", *pip_options, "--target", folder, wanted]]
    if importlib.util.find_spec("ensurepip"):
        return lambda folder: [
            [sys.executable, "-m", "venv", folder],
            [folder / "bin" / "python", "-m", "pip", *pip_options, wanted],
        ]
    return None


def _install_uv() -> None:
    installer = _uv_installer()
    if installer is None:
        raise SetupError("no uv, pip or venv module to install uv with: install Debian's python3-venv")
    say(f"installing uv {UV_VERSION} into .bootstrap")
    with tempfile.TemporaryDirectory(dir=PRIVATE) as folder:
        for command in installer(Path(folder)):
            if _call(command) != 0:
                raise SetupError(
                    f"uv {UV_VERSION} could not be installed; the installer's words are above. Behind a mirror, "
                    "set what pip reads (PIP_INDEX_URL, PIP_CERT, HTTPS_PROXY) and start again"
                )
        (Path(folder) / "bin" / "uv").replace(UV)


def _call(command: Sequence[str | Path], output: int | None = None) -> int:
    """Run an installer with the user's settings and, of ours, only what keeps it inside this checkout."""
    environment = os.environ | {"UV_PYTHON_DOWNLOADS": "never", "UV_PROJECT_ENVIRONMENT": str(VENV)}
    environment.pop("VIRTUAL_ENV", None)
    certificates = os.environ.get("PIP_CERT") or os.environ.get("REQUESTS_CA_BUNDLE")
    if certificates:
        environment.setdefault("SSL_CERT_FILE", certificates)  # uv does not read pip's variables
    return subprocess.run(
        command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        timeout=DOWNLOAD_TIMEOUT_SECONDS, check=False,
    ).returncode  # fmt: skip


def request_to_root(lacking: Sequence[debian.Package], purpose: str) -> str:
    """Return what a user who may not install the packages is told to type."""
    if not debian.is_debian():
        return f"bootstrap: these programs are missing, and there is no apt-get to install them: {_programs(lacking)}\n"
    names = " ".join(package.name for package in lacking)
    return (
        f"bootstrap: Debian packages are missing: {names}\n"
        "bootstrap: only root may install them; type this, which starts none of their services:\n"
        f"    {debian.as_root(f'scripts/bootstrap --packages {purpose}')}\n"
        "bootstrap: or by hand, and then stop the services that took the ports 9090, 9093 and 9100:\n"
        f"    {debian.as_root(f'apt-get install --no-install-recommends {names}')}\n"
    )


def _programs(packages: Sequence[debian.Package]) -> str:
    return ", ".join(program for package in packages for program in package.programs or (package.name,))


def _stop(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
