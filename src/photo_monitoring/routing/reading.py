"""The tables `[channels…]` and `[quiet_hours]` of the override file, read strictly; no message repeats a value."""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final

from photo_monitoring.configuration.hints import likely
from photo_monitoring.routing import options
from photo_monitoring.routing.channel import Channel, Key, Secret
from photo_monitoring.routing.channels import CHANNELS
from photo_monitoring.routing.quiet_hours import QuietHours

TABLES: Final = ("channels", "quiet_hours")
SECRETS_FOLDER: Final = "secrets_folder"

Path = tuple[str, ...]
Complain = Callable[[Path, str], None]

_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
# A token or a URL where the name of a file belongs: long, and neither a path nor a name with an extension.
_LIKE_A_SECRET: Final = re.compile(r"\w+://.*|[A-Za-z0-9+=_-]{20,}")
_LIKE_A_FILE: Final = re.compile(r"[^\x00-\x1f\"'{}]{1,400}")
_WHERE: Final = ("file", "env")


def read_channels(table: Mapping[str, Any], wrong: Complain) -> tuple[tuple[Channel, ...], str | None]:
    """Return the channels that are set, in their fixed order, and the folder of secrets where one is named."""
    found: dict[str, Channel] = {}
    folder = None
    for name, value in table.items():
        path: Path = ("channels", name)
        if name == SECRETS_FOLDER:
            folder = _folder(path, value, wrong)
        elif name not in CHANNELS:
            wrong(path, f"unknown channel{likely(name, CHANNELS)}")
        elif not isinstance(value, dict):
            wrong(path, "must be a table")
        elif (channel := _channel(CHANNELS[name], path, value, wrong)) is not None:
            found[name] = channel
    return tuple(found[name] for name in CHANNELS if name in found), folder


def _folder(path: Path, value: object, wrong: Complain) -> str | None:
    if isinstance(value, str) and value.startswith("/") and _LIKE_A_FILE.fullmatch(value):
        return value.rstrip("/") or None
    wrong(path, "must be an absolute path, as Alertmanager sees it, such as /etc/alertmanager/secrets")
    return None


def _channel(kind: type[Channel], path: Path, table: Mapping[str, Any], wrong: Complain) -> Channel | None:
    complaints: list[Path] = []

    def complain(where: Path, what: str) -> None:
        complaints.append(where)
        wrong(where, what)

    keys = {name: key for name, key in kind.keys().items() if name != "severities" or kind.takes}
    secrets = {name: key for name, key in keys.items() if key.read is None}
    values = _values(keys, path, table, complain)
    for name in secrets:
        if (found := _secret(path, name, table, complain)) is not None:
            values[name] = found
    for name in keys.keys() - kind.defaults().keys():
        if not {name, *_written(name)} & table.keys():
            asked = " or ".join(_written(name)) if name in secrets else name
            about = keys[name].about
            complain(path, f"{asked} is missing: {about[0].lower()}{about[1:]}")
    if complaints:
        return None
    try:
        return kind(**values)
    except ValueError as error:
        wrong(path, str(error))
        return None


def _written(secret: str) -> tuple[str, ...]:
    return tuple(f"{secret}_{where}" for where in _WHERE)


def _values(keys: Mapping[str, Key], path: Path, table: Mapping[str, Any], wrong: Complain) -> dict[str, Any]:
    """Return what is no secret; complain about keys that are none of the channel's, and about secrets in the file."""
    known = [one for name, key in keys.items() for one in ((name,) if key.read else _written(name))]
    values: dict[str, Any] = {}
    for name, value in table.items():
        key = keys.get(name)
        if key is None:
            if name not in known:
                wrong((*path, name), f"unknown key{likely(name, known)}")
        elif key.read is None:
            wrong((*path, name), _literal(name))
        else:
            try:
                values[name] = key.read(value)
            except ValueError as error:
                wrong((*path, name), str(error))
    return values


def _literal(name: str) -> str:
    return (
        f"a secret must not stand in this file: put it into a file of mode 600 and name that with {name}_file,"
        f" or name an environment variable with {name}_env"
    )


def _secret(path: Path, name: str, table: Mapping[str, Any], wrong: Complain) -> Secret | None:
    given = [where for where in _WHERE if f"{name}_{where}" in table]
    if len(given) > 1:
        wrong((*path, f"{name}_env"), f"give {name}_file or {name}_env, not both")
        return None
    if not given:
        return None
    key = f"{name}_{given[0]}"
    value = table[key]
    if given == ["env"]:
        if isinstance(value, str) and _VARIABLE.fullmatch(value):
            return Secret(env=value)
        wrong((*path, key), "must be the name of an environment variable, such as SLACK_WEBHOOK_URL")
    elif not isinstance(value, str) or not value.strip() or _LIKE_A_FILE.fullmatch(value) is None:
        wrong((*path, key), "must be the path of a file")
    elif _LIKE_A_SECRET.fullmatch(value):
        wrong((*path, key), "must be the path of a file that has the secret in it, not the secret itself")
    else:
        return Secret(file=value)
    return None


def read_quiet_hours(table: Mapping[str, Any], wrong: Complain) -> QuietHours:
    """Return the quiet hours: `enabled`, `start`, `end` and `location`."""
    known = [one.name for one in fields(QuietHours)]
    values: dict[str, Any] = {}
    for name, value in table.items():
        path: Path = ("quiet_hours", name)
        if name not in known:
            wrong(path, f"unknown key{likely(name, known)}")
            continue
        try:
            values[name] = options.boolean(value) if name == "enabled" else options.text(value)
            if name != "enabled":
                QuietHours(**{name: values[name]})
        except ValueError as error:
            values.pop(name, None)
            wrong(path, str(error))
    try:
        return QuietHours(**values)
    except ValueError as error:
        wrong(("quiet_hours",), str(error))
        return QuietHours()
