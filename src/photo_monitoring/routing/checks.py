"""What `photo-monitoring check` proves of the routing: amtool's verdict, each alert's way, readiness for production."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.settings import CONSOLE, SYSTEM
from photo_monitoring.criteria import Severity
from photo_monitoring.routing import inhibition, secrets
from photo_monitoring.routing.alertmanager import CONFIG, render_alertmanager
from photo_monitoring.routing.example import or_example
from photo_monitoring.routing.routes import NOBODY, TEST_LABEL, WATCHDOG
from photo_monitoring.routing.webhooks import TEST_ALERT

if TYPE_CHECKING:
    from photo_monitoring.configuration.settings import Settings

_SECONDS: Final = 60
_DEFAULT: Final = "without an override file the example's channels are rendered"


class AmtoolMissing(Exception):
    """amtool is not installed; the text says which package has it."""


def _amtool(folder: Path, *arguments: str) -> tuple[bool, str]:
    program = shutil.which("amtool")
    if program is None:
        msg = "amtool is not installed: it comes with Debian's package prometheus-alertmanager"
        raise AmtoolMissing(msg)
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program with our own file names
            [program, *arguments], cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return False, f"amtool {arguments[0]} did not finish within {_SECONDS} s"
    return done.returncode == 0, (done.stdout + done.stderr).strip()


def expected_receivers(labels: Mapping[str, str], settings: "Settings") -> list[str]:
    """Return who must hear of an alert (guide 9.2), in the order of the channels, not reading the routes."""
    name, severity = labels["alertname"], labels.get("severity", "")
    if name == TEST_ALERT:
        return [one.name for one in settings.channels if one.name == labels.get(TEST_LABEL)] or [NOBODY]
    if name == WATCHDOG and labels.get("system") == SYSTEM:
        found = [one.name for one in settings.channels if not one.takes]
    elif severity == Severity.NONE:
        found = []
    else:
        known = Severity.CRITICAL if severity == Severity.CRITICAL else Severity.WARNING
        found = [one.name for one in settings.channels if known in one.wanted]
    return found or [NOBODY]


def journeys(settings: "Settings") -> Iterator[dict[str, str]]:
    """Yield the labels of every alert that there is in each severity, of test messages, and of strangers."""
    names = sorted({(alert.name, tier.severity.value) for alert in ALERTS for tier in alert.tiers})
    for name, severity in names:
        yield {"alertname": name, "severity": severity, "system": SYSTEM}
    for channel in settings.channels:
        yield {"alertname": TEST_ALERT, "severity": "none", "system": SYSTEM, TEST_LABEL: channel.name}
    for severity in ("critical", "warning", "none", "info"):
        yield {"alertname": "SomebodyElses", "severity": severity}
    yield {"alertname": WATCHDOG, "severity": "none", "system": "another"}
    yield {"alertname": "WithoutSeverity"}


def _told(folder: Path, labels: Mapping[str, str], settings: "Settings") -> str | None:
    wanted = ",".join(expected_receivers(labels, settings))
    written = [f"{name}={value}" for name, value in labels.items()]
    arguments = ("config", "routes", "test", f"--config.file={CONFIG}", f"--verify.receivers={wanted}", *written)
    passed, output = _amtool(folder, *arguments)
    return None if passed else f"{' '.join(written)}: {' '.join(output.split())[:200]}"


def routing_problems(settings: "Settings") -> tuple[int, list[str]]:
    """Let amtool check the configuration, and each alert's way in it; return how many ways, and what is wrong."""
    chosen = or_example(settings)
    problems = inhibition.problems()
    with tempfile.TemporaryDirectory(prefix="photo-monitoring-") as name:
        folder = Path(name)
        for path, text in render_alertmanager(chosen).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        passed, output = _amtool(folder, "check-config", str(CONFIG))
        if not passed:
            return 0, [*problems, *output.splitlines()]
        ways = list(_distinct(chosen))
        problems += [problem for labels in ways if (problem := _told(folder, labels, chosen))]
    return len(ways), problems


def _distinct(settings: "Settings") -> list[dict[str, str]]:
    """Return one journey of each kind: the routes look at the name only of a few alerts."""
    special = {WATCHDOG, TEST_ALERT, inhibition.FLEET, *inhibition.NEVER_SILENCED, "SomebodyElses", "WithoutSeverity"}
    found: dict[Any, dict[str, str]] = {}
    for labels in journeys(settings):
        name = labels["alertname"] if labels["alertname"] in special else ""
        found.setdefault((name, labels.get("severity"), labels.get(TEST_LABEL), labels.get("system")), labels)
    return list(found.values())


def production_problems(settings: "Settings") -> list[str]:
    """Return one line for each reason why alerts of a production system would not reach a person."""
    if not settings.configured:
        return [f"there is no override file, so there are no channels ({_DEFAULT}): see docs/connect-channels.md"]
    lines = []
    on_call = [one for one in settings.channels if one.on_call and Severity.CRITICAL in one.wanted]
    if not on_call:
        lines.append("no channel wakes anybody: set [channels.pagerduty] or [channels.opsgenie]")
    if not any(not one.takes for one in settings.channels):
        lines.append("nobody would notice that alerts stopped: set [channels.dead_mans_switch] with its url_file")
    for channel in settings.channels:
        try:
            secrets.read_all(channel)
        except secrets.SecretMissing as error:
            lines.append(str(error))
    lines += secrets.exposed(settings.channels)
    if settings.console_url == CONSOLE:
        lines.append(f"links in messages lead to {CONSOLE}, which only this machine has: set urls.console")
    return lines


def notes(settings: "Settings") -> tuple[str, ...]:
    """Return what an operator should know of the channels that are set."""
    return tuple(f"{one.title}: {one.notice}" for one in settings.channels if one.notice)
