"""The override file `monitoring.toml`: read strictly, every problem told at once with its line.

Its tables: `language`, `[jobs]`, `[labels]`, `[haproxy]`, `[urls]`, and for each alert
`[alerts.<Name>.<subject>]` (`enabled`, `reason`) and `[alerts.<Name>.<subject>.<severity>]` (`threshold`, `for`,
`minimum`, `enabled`, `reason`). `objective_tables` reads `[slos.<name>]`, `routing.reading` the channels.
`deploy/monitoring/monitoring.example.toml` has every key with its default.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration import objectives as objective_tables
from photo_monitoring.configuration import tier_limits, toml_lines
from photo_monitoring.configuration.hints import likely
from photo_monitoring.configuration.overrides import in_force, plain
from photo_monitoring.configuration.settings import JOBS, LANGUAGES, Change, Settings
from photo_monitoring.criteria import Alert, Tier
from photo_monitoring.known_metrics import known_samples
from photo_monitoring.lints import STATIC_LABELS
from photo_monitoring.reachability import contradictions
from photo_monitoring.routing import reading

DEFAULT_NAME: Final = "monitoring.toml"
TABLES: Final = {
    "jobs": JOBS,
    "labels": {"instance": "instance_label"},
    "haproxy": {"frontend": "balancer_frontend"},
    "urls": {"console": "console_url", "runbooks": "runbooks_url", "dashboards": "dashboards_url"},
}
"""Table of the file → its keys → the setting that each is."""

_SWITCH_KEYS: Final = ("enabled", "reason")
_NAME: Final = re.compile(r"[A-Za-z0-9_.:/-]+")
_LABEL: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_URL: Final = re.compile(r"https?://[^\s\"'\\{}<>@?#]+")


class ConfigError(Exception):
    """The override file is wrong: `problems` has one line for each mistake, with file and line."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class _Reader:
    """Turns the file's values into settings, and collects what is wrong with them."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.lines = toml_lines.lines_of_keys(text)
        self.found: list[tuple[int, str]] = []
        self.settings: dict[str, Any] = {}
        self.changes: list[Change] = []

    def wrong(self, path: tuple[str, ...], what: str) -> None:
        line = toml_lines.line_of(self.lines, path)
        self.found.append((line, f"{self.name}:{line}: {'.'.join(path)}: {what}"))

    def problems(self) -> list[str]:
        return [problem for _, problem in sorted(self.found, key=lambda one: one[0])]

    def table(self, path: tuple[str, ...], value: object) -> Mapping[str, Any]:
        """Return a table's entries; none, and a problem, when the value is no table."""
        if isinstance(value, dict):
            return value
        self.wrong(path, "must be a table")
        return {}

    def unknown(self, path: tuple[str, ...], known: Iterable[str]) -> None:
        self.wrong(path, f"unknown key{likely(path[-1], known)}")

    def read(self, document: Mapping[str, Any]) -> Settings:
        for key, value in document.items():
            if key == "language":
                self._language(value)
            elif key == "alerts":
                self._alerts(self.table((key,), value))
            elif key == objective_tables.TABLE:
                table = self.table((key,), value)
                self.settings["objective_changes"] = objective_tables.read_objectives(table, self.wrong)
            elif key in reading.TABLES:
                self._routing(key, self.table((key,), value))
            elif key in TABLES:
                for inner, text in self.table((key,), value).items():
                    self._text(key, inner, text)
            else:
                self.unknown((key,), ["language", "alerts", objective_tables.TABLE, *reading.TABLES, *TABLES])
        self._jobs_differ(document)
        if not self.found:
            self._tiers_agree()
        return Settings(**self.settings, changes=tuple(self.changes), configured=True) if not self.found else Settings()

    def _routing(self, key: str, table: Mapping[str, Any]) -> None:
        if key == "quiet_hours":
            self.settings["quiet_hours"] = reading.read_quiet_hours(table, self.wrong)
            return
        self.settings["channels"], folder = reading.read_channels(table, self.wrong)
        if folder is not None:
            self.settings["secrets_folder"] = folder

    def _language(self, value: object) -> None:
        if value in LANGUAGES:
            self.settings["lang"] = value
        else:
            self.wrong(("language",), f"must be one of {', '.join(LANGUAGES)}")

    def _text(self, table: str, key: str, value: object) -> None:
        path = (table, key)
        if key not in TABLES[table]:
            self.unknown(path, TABLES[table])
        elif not isinstance(value, str):
            self.wrong(path, "must be a text")
        elif table == "urls":
            self._url(path, value)
        elif table == "labels":
            self._label(path, value)
        elif not _NAME.fullmatch(value):
            self.wrong(path, f"{value!r} is no name: use letters, digits and . _ : / -")
        else:
            self.settings[TABLES[table][key]] = value

    def _url(self, path: tuple[str, ...], value: str) -> None:
        if _URL.fullmatch(value) and urlsplit(value).netloc:
            self.settings[TABLES[path[0]][path[1]]] = value.rstrip("/")
        else:
            self.wrong(
                path, "must be a URL such as https://monitoring.example.com/runbooks (no user, query or fragment)"
            )

    def _label(self, path: tuple[str, ...], value: str) -> None:
        taken = {label for sample in known_samples().values() for label in sample.labels} | STATIC_LABELS
        if not _LABEL.fullmatch(value):
            self.wrong(path, f"{value!r} is no label: use letters, digits and _")
        elif value in taken - {"instance"}:
            self.wrong(path, f"{value} is another label already: an alert could not carry both")
        else:
            self.settings[TABLES[path[0]][path[1]]] = value

    def _jobs_differ(self, document: Mapping[str, Any]) -> None:
        jobs = {job: self.settings.get(TABLES["jobs"][job], getattr(Settings(), TABLES["jobs"][job])) for job in JOBS}
        written = document.get("jobs")
        for job, name in jobs.items():
            twins = [other for other, theirs in jobs.items() if other != job and theirs == name]
            if twins and isinstance(written, dict) and job in written:
                self.wrong(("jobs", job), f"{name} is the job of {twins[0]} too: their series would mix")

    def _alerts(self, tables: Mapping[str, Any]) -> None:
        names = [alert.name for alert in ALERTS]
        for name, value in tables.items():
            path = ("alerts", name)
            own = [alert for alert in ALERTS if alert.name == name]
            if not own:
                owner = next((alert.name for alert in ALERTS if alert.subject == name), None)
                hint = f"; write [alerts.{owner}.{name}]" if owner else likely(name, names)
                self.wrong(path, f"no alert is called {name}{hint}")
                continue
            by_subject = {alert.subject: alert for alert in own}
            for subject, inner in self.table(path, value).items():
                if subject in by_subject:
                    self._alert(by_subject[subject], self.table((*path, subject), inner))
                else:
                    known = " or ".join(f"[alerts.{name}.{one}]" for one in by_subject)
                    self.wrong((*path, subject), f"{name} has no subject {subject}: write {known}")

    def _alert(self, alert: Alert, table: Mapping[str, Any]) -> None:
        path = ("alerts", alert.name, alert.subject)
        tiers = {tier.severity.value: tier for tier in alert.tiers}
        for key, value in table.items():
            if key in tiers:
                self._tier(alert, tiers[key], self.table((*path, key), value), table)
            elif key not in _SWITCH_KEYS:
                self.unknown((*path, key), [*tiers, *_SWITCH_KEYS])
        whole = self._switched_off(path, table)
        if whole is not None:
            self.changes += [Change(subject=alert.subject, severity=tier, reason=whole) for tier in tiers]

    def _tiers_agree(self) -> None:
        """Complain where a tier contradicts the other one of its alert, at the number that was written."""
        changes = tuple(self.changes)
        written = {(change.subject, change.severity) for change in changes}
        for alert in in_force(Settings(changes=changes)):
            for found in contradictions(alert):
                changed = [tier for tier in (found.severity, "critical") if (alert.subject, tier) in written]
                if changed:
                    numbers = {tier.severity.value: tier for tier in alert.tiers}[found.severity]
                    value = tier_limits.declared(numbers, found.key)
                    path = ("alerts", alert.name, alert.subject, changed[0], found.key)
                    self.wrong(path, f"{found.severity}'s {found.key} {plain(value)} {found.problem}")

    def _tier(self, alert: Alert, tier: Tier, table: Mapping[str, Any], around: Mapping[str, Any]) -> None:
        path = ("alerts", alert.name, alert.subject, tier.severity.value)
        values: dict[str, Any] = {}
        known = tier_limits.keys(alert, tier)
        for key, value in table.items():
            if key in _SWITCH_KEYS:
                continue
            if key in tier_limits.KEYS and key not in known:
                self.wrong((*path, key), f"this tier has no {key}; it has {', '.join([*known, *_SWITCH_KEYS])}")
            elif key not in known:
                self.unknown((*path, key), [*known, *_SWITCH_KEYS])
            elif problem := tier_limits.problem(alert, tier, key, value):
                self.wrong((*path, key), problem)
            else:
                values["hold" if key == "for" else key] = value
        reason = self._switched_off(path, table)
        if (values or reason) and around.get("enabled") is not False:
            self.changes.append(Change(subject=alert.subject, severity=tier.severity.value, reason=reason, **values))

    def _switched_off(self, path: tuple[str, ...], table: Mapping[str, Any]) -> str | None:
        """Return why this is switched off, None when it is not."""
        enabled, reason = table.get("enabled", True), table.get("reason")
        if not isinstance(enabled, bool):
            self.wrong((*path, "enabled"), "must be true or false")
        elif enabled and reason is not None:
            self.wrong((*path, "reason"), "a reason goes with enabled = false only")
        elif not enabled and reason is None:
            self.wrong((*path, "enabled"), 'switched off without a reason: add reason = "…"')
        elif not enabled and (not isinstance(reason, str) or not reason.strip() or not reason.isprintable()):
            self.wrong((*path, "reason"), "must be a text of one line")
        elif not enabled:
            return str(reason).strip()
        return None


def parse(text: str, name: str = DEFAULT_NAME) -> Settings:
    """Return the settings that the text of an override file gives; `ConfigError` has every mistake in it."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)", str(error))
        line = at.group(1) if at and at.group(1) else str(text.rstrip("\n").count("\n") + 1)
        what = str(error)[: at.start()] if at else str(error)
        raise ConfigError([f"{name}:{line}: not TOML: {what}"]) from error
    reader = _Reader(name, text)
    settings = reader.read(document)
    if reader.found:
        raise ConfigError(reader.problems())
    return settings


def load(path: Path) -> Settings:
    """Read an override file; `ConfigError` when it cannot be read or is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8 text: save it as UTF-8"]) from error
    except OSError as error:
        raise ConfigError([f"{path}: cannot read it: {error.strerror}"]) from error
    return parse(text, str(path))
