"""scripts/bootstrap: what it installs, what it asks for, and what it leaves behind on a system.

apt-get, dpkg-query and update-rc.d are stand-ins in PATH, and the system's files are in a temporary root: these tests
must not change the machine they run on. The real ones are tried in a bare Debian (docs/decisions/0001-tooling.md).
"""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
POLICY = "usr/sbin/policy-rc.d"
CLUSTER = "etc/postgresql-common/createcluster.d/photo-api-bootstrap.conf"

APT_GET = """#!/bin/sh
echo "apt-get $*" >> "$JOURNAL"
case "$*" in
  *install*)
    "$SYSTEM/usr/sbin/policy-rc.d" haproxy start; echo "policy $?" >> "$JOURNAL"
    cat "$SYSTEM/etc/postgresql-common/createcluster.d/"*.conf | grep -v '#' >> "$JOURNAL"
    if [ "${APT:-}" = hangs ]; then
      trap 'echo told to stop >> "$JOURNAL"; exit 100' INT
      echo "hangs $$" >> "$JOURNAL"
      while :; do sleep 0.05; done
    fi
    if [ "${APT:-}" = fails ] || { [ "${APT:-}" = stale ] && ! grep -q update "$JOURNAL"; }; then
      echo "E: Unable to locate package haproxy"; exit 100
    fi
    touch "$SYSTEM/haproxy-installed" ;;
esac
"""
DPKG_QUERY = """#!/bin/sh
for name; do :; done
[ -e "$SYSTEM/$name-installed" ] && printf installed || { printf 'not-installed'; exit 1; }
"""
UPDATE_RC = """#!/bin/sh
echo "update-rc.d $*" >> "$JOURNAL"
"""
INSTALL = """
import signal, sys
from pathlib import Path
from scripts import debian
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
try:
    debian.install([debian.HAPROXY, debian.POSTGRESQL], lambda line: print(line, flush=True), Path(sys.argv[1]))
except debian.InstallError as error:
    sys.exit(f"said: {error}")
"""


class System:
    """A temporary root with stand-ins for Debian's commands."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "system"
        self.journal = folder / "journal"
        self.journal.touch()
        (self.root / "usr/sbin").mkdir(parents=True)
        commands = folder / "commands"
        commands.mkdir()
        for name, text in (("apt-get", APT_GET), ("dpkg-query", DPKG_QUERY), ("update-rc.d", UPDATE_RC)):
            (commands / name).write_text(text)
            (commands / name).chmod(0o755)
        self.environment = {
            "PATH": f"{commands}:/usr/bin:/bin",
            "JOURNAL": str(self.journal),
            "SYSTEM": str(self.root),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def start(self, apt: str = "") -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", INSTALL, str(self.root)],
            cwd=ROOT,
            env=self.environment | {"APT": apt},
            # As from a terminal, also where the tests themselves run as a shell's background job.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no other thread here
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def install(self, apt: str = "") -> tuple[int, str]:
        with self.start(apt) as process:
            out, err = process.communicate(timeout=30)
            return process.returncode, out + err

    def events(self) -> list[str]:
        return self.journal.read_text().splitlines()

    def wait_for_hanging_apt(self, process: subprocess.Popen[str]) -> int:
        """Wait until the stand-in hangs; return its process id."""
        while process.poll() is None:
            for event in self.events():
                if event.startswith("hangs "):
                    return int(event.split()[1])
            time.sleep(0.01)
        raise AssertionError("the installation ended before it could be interrupted")

    def policy(self) -> Path:
        return self.root / POLICY

    def is_clean(self) -> bool:
        """Nothing of ours is left: no policy, no PostgreSQL setting, no folder made for it."""
        return not any((self.root / "usr/sbin").iterdir()) and not (self.root / "etc/postgresql-common").exists()


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)


def test_services_are_denied_and_no_cluster_is_made_while_packages_are_installed(system: System) -> None:
    code, _ = system.install()
    assert code == 0
    assert "policy 101" in system.events()
    assert "create_main_cluster = false" in system.events()


def test_packages_come_without_recommended_ones_in_one_call(system: System) -> None:
    system.install()
    (call,) = [event for event in system.events() if event.startswith("apt-get")]
    assert call.endswith("install -y --no-install-recommends haproxy postgresql")


def test_nothing_is_left_after_an_installation(system: System) -> None:
    system.install()
    assert system.is_clean()


def test_nothing_is_left_after_a_failed_installation_and_apts_words_are_passed_on(system: System) -> None:
    code, said = system.install("fails")
    assert code == 1
    assert "said: E: Unable to locate package haproxy" in said
    assert system.is_clean()


def test_package_lists_are_refreshed_when_the_first_try_fails(system: System) -> None:
    code, _ = system.install("stale")
    calls = [event.split()[3] for event in system.events() if event.startswith("apt-get")]
    assert (code, calls) == (0, ["install", "update", "install"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_apt_and_leaves_nothing(system: System, number: signal.Signals) -> None:
    with system.start("hangs") as process:
        system.wait_for_hanging_apt(process)
        process.send_signal(number)
        process.communicate(timeout=30)
    assert "told to stop" in system.events()
    assert system.is_clean()


def test_a_policy_that_was_there_is_put_back_as_it_was(system: System) -> None:
    system.policy().write_text("#!/bin/sh\nexit 0\n")
    system.policy().chmod(0o700)
    system.install()
    assert "policy 101" in system.events()
    assert system.policy().read_text() == "#!/bin/sh\nexit 0\n"
    assert stat.S_IMODE(system.policy().stat().st_mode) == 0o700
    assert len(list(system.policy().parent.iterdir())) == 1


def test_a_policy_that_is_a_link_is_put_back_as_a_link(system: System) -> None:
    system.policy().symlink_to("/etc/alternatives/policy-rc.d")
    system.install()
    assert system.policy().readlink() == Path("/etc/alternatives/policy-rc.d")


def test_what_a_killed_run_left_is_put_right_by_the_next(system: System) -> None:
    system.policy().write_text("#!/bin/sh\nexit 104\n")
    with system.start("hangs") as process:
        apt = system.wait_for_hanging_apt(process)
        process.kill()
        process.communicate(timeout=30)
    os.kill(apt, signal.SIGKILL)
    assert "exit 101" in system.policy().read_text()
    system.install()
    assert system.policy().read_text() == "#!/bin/sh\nexit 104\n"
    assert not (system.root / CLUSTER).exists()


def test_only_services_of_packages_it_brought_are_switched_off_at_boot(system: System) -> None:
    (system.root / "postgresql-installed").touch()
    system.install()
    assert [event for event in system.events() if event.startswith("update-rc.d")] == ["update-rc.d haproxy disable"]


def bootstrap(code: str) -> str:
    """What a piece of code that uses `scripts` prints."""
    answer = subprocess.run(
        [sys.executable, "-B", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_who_may_not_install_is_told_the_exact_command() -> None:
    said = bootstrap(
        "from scripts import bootstrap, debian\n"
        "print(bootstrap.request_to_root([debian.HAPROXY, debian.REDIS], 'test'))"
    )
    lines = [line.strip(" '") for line in said.splitlines()]
    assert any(line.endswith("scripts/bootstrap --packages test") for line in lines)
    assert any(line.endswith("apt-get install --no-install-recommends haproxy redis-server") for line in lines)


def test_a_package_is_missing_when_one_of_its_programs_is() -> None:
    said = bootstrap(
        "from scripts.debian import Package\n"
        "print(Package('a', ('sh', 'no-such-program')).is_missing(), Package('b', ('sh',)).is_missing(),"
        " Package('c', ('/no/such/*/program',)).is_missing(), Package('d', ('/bin/s?',)).is_missing())"
    )
    assert said.split() == ["True", "False", "True", "False"]


def test_every_purpose_that_the_makefile_names_is_known() -> None:
    named = set(re.findall(r"scripts/bootstrap (\w+)", (ROOT / "Makefile").read_text()))
    known = bootstrap("from scripts import debian; print(*debian.PACKAGES)").split()
    assert named == set(known)


def test_an_unknown_purpose_is_refused_with_the_known_ones() -> None:
    answer = subprocess.run(
        [ROOT / "scripts/bootstrap", "walk"], capture_output=True, text=True, timeout=30, check=False
    )
    assert answer.returncode == 2
    assert "run" in answer.stderr
    assert "Traceback" not in answer.stderr


def check_tree(folder: Path) -> tuple[int, str]:
    subprocess.run(["git", "init", "--quiet", folder], check=True, timeout=30)
    answer = subprocess.run(
        [sys.executable, ROOT / "scripts/check_tree.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return answer.returncode, answer.stderr


@pytest.mark.parametrize("place", ["/wor" + "k/main", "see ../shar" + "ed/design", "a copy in .libra" + "ry"])
def test_a_path_of_one_machine_is_found_with_file_and_line(tmp_path: Path, place: str) -> None:
    (tmp_path / "notes.md").write_text(f"first\n{place}\n")
    code, said = check_tree(tmp_path)
    assert (code, said.splitlines()[0]) == (1, f"notes.md:2: {place}")


def test_paths_inside_the_repository_are_fine(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("docs/wor" + "k/plan.md, network/interfaces, shared/albums, my.library\n")
    (tmp_path / "image.bin").write_bytes(b"\0/wor" + b"k/main")
    assert check_tree(tmp_path) == (0, "")
