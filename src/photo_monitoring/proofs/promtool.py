"""Running promtool: checking rule files and rule tests."""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

TIMEOUT_SECONDS: Final = 300
PROCESSES: Final = 2
"""How many promtools run at once: one test file each, and one file is most of the work."""


class PromtoolMissingError(Exception):
    """promtool is not installed; the message says which package has it."""


class PromtoolTimeoutError(Exception):
    """promtool did not finish in time."""


def _run(arguments: list[str], folder: Path) -> tuple[bool, str]:
    program = shutil.which("promtool")
    if program is None:
        msg = "promtool is not installed: it comes with Debian's package prometheus (apt-get install prometheus)"
        raise PromtoolMissingError(msg)
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program with our own file names
            [program, *arguments], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        msg = f"promtool {' '.join(arguments[:2])} did not finish within {TIMEOUT_SECONDS} s"
        raise PromtoolTimeoutError(msg) from error
    return done.returncode == 0, (done.stdout + done.stderr).strip()


def check_rules(rules: Mapping[str, str]) -> str | None:
    """Let promtool check rule files (name → text); return its complaint, None when there is none."""
    with tempfile.TemporaryDirectory(prefix="photo-monitoring-") as name:
        folder = Path(name)
        for file, text in rules.items():
            (folder / file).write_text(text, encoding="utf-8")
        passed, output = _run(["check", "rules", *sorted(rules)], folder)
    return None if passed else output


def check_config(config: str, rules: Mapping[str, str]) -> str | None:
    """Let promtool check a `prometheus.yml` with its rule files (name → text); return its complaint, None: none."""
    with tempfile.TemporaryDirectory(prefix="photo-monitoring-") as name:
        folder = Path(name)
        (folder / "prometheus.yml").write_text(config, encoding="utf-8")
        (folder / "rules").mkdir()
        for file, text in rules.items():
            (folder / "rules" / file).write_text(text, encoding="utf-8")
        passed, output = _run(["check", "config", "prometheus.yml"], folder)
    return None if passed else output


def test_rules(rules: Mapping[str, str], tests: Mapping[str, str]) -> str | None:
    """Let promtool run test files against rule files (name → text); return its complaints, None when all pass."""
    with tempfile.TemporaryDirectory(prefix="photo-monitoring-") as name:
        folder = Path(name)
        for file, text in {**rules, **tests}.items():
            (folder / file).write_text(text, encoding="utf-8")
        largest_first = sorted(tests, key=lambda file: (-len(tests[file]), file))
        with ThreadPoolExecutor(PROCESSES) as pool:
            results = list(pool.map(lambda file: _run(["test", "rules", file], folder), largest_first))
    return "\n".join(output for passed, output in results if not passed) or None
