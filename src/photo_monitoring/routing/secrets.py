"""Secrets: read where the settings say, written for Alertmanager into files of mode 600, repeated nowhere."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from photo_monitoring.routing.channels import CHANNELS

if TYPE_CHECKING:
    from photo_monitoring.routing.channel import Channel, Secret

SECRETS: Final = Path("secrets")
_LARGEST: Final = 4_096


class SecretMissing(Exception):
    """A secret cannot be read; the text names the setting and says why, without its value."""


def read(setting: str, secret: "Secret", environ: Mapping[str, str] = os.environ) -> str:
    """Return a secret, without the line's end; `setting` is its key without `_file` or `_env`."""
    if secret.env is not None:
        value = environ.get(secret.env, "").strip()
        if not value:
            msg = f"the environment variable that {setting}_env names is not set"
            raise SecretMissing(msg)
        return _checked(f"{setting}_env", value)
    try:
        with Path(secret.file or "").open("rb") as file:
            raw = file.read(_LARGEST + 1)
        value = raw.decode().strip()
    except OSError as error:
        msg = f"the file that {setting}_file names cannot be read: {error.strerror}"
        raise SecretMissing(msg) from error
    except UnicodeDecodeError as error:
        msg = f"the file that {setting}_file names is no text"
        raise SecretMissing(msg) from error
    return _checked(f"{setting}_file", value)


def _checked(setting: str, value: str) -> str:
    if not value:
        msg = f"the file that {setting} names is empty"
    elif len(value) > _LARGEST or not value.isprintable() or any(character.isspace() for character in value):
        msg = f"what {setting} names is not a secret of one line"
    else:
        return value
    raise SecretMissing(msg)


def read_all(channel: "Channel", environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return a channel's secrets by field; `SecretMissing` at the first that cannot be read."""
    return {
        name: read(f"channels.{channel.name}.{name}", secret, environ) for name, secret in channel.secrets().items()
    }


def for_alertmanager(
    channels: "Iterable[Channel]", environ: Mapping[str, str] = os.environ
) -> tuple[dict[Path, str], list[str]]:
    """Return file below Alertmanager's folder → secret, and one line for each that cannot be read."""
    files: dict[Path, str] = {}
    problems = []
    for channel in channels:
        for name in channel.rendered_secrets():
            try:
                value = read(f"channels.{channel.name}.{name}", channel.secrets()[name], environ)
            except SecretMissing as error:
                problems.append(str(error))
            else:
                files[SECRETS / channel.secret_name(name)] = value
    return files, problems


def exposed(channels: "Iterable[Channel]") -> list[str]:
    """Return one line for each secret's file that others than its owner may read."""
    lines = []
    for channel in channels:
        for name, secret in channel.secrets().items():
            path = Path(secret.file) if secret.file else None
            if path and path.is_file() and path.stat().st_mode & 0o077:
                lines.append(f"the file that channels.{channel.name}.{name}_file names is open to others: chmod 600")
    return lines


def write(folder: Path, files: Mapping[Path, str], channels: "Iterable[Channel]") -> list[Path]:
    """Write secrets below `folder` with mode 600, remove those of channels that are no more; return what changed.

    A secret of one of `channels` that could not be read this time stays as it was.
    """
    changed = []
    home = folder / SECRETS
    if files:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path, value in files.items():
        target = folder / path
        if target.is_file() and target.stat().st_mode & 0o777 == 0o600 and target.read_text(encoding="utf-8") == value:
            continue
        draft = target.with_name(f".{target.name}.new")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(value)
            draft.replace(target)
        except BaseException:
            draft.unlink(missing_ok=True)  # no copy stays behind
            raise
        changed.append(path)
    used = {one.secret_name(name) for one in channels for name in one.rendered_secrets()}
    ours = {
        f"{kind.name}_{name}" for kind in CHANNELS.values() for name, key in kind.keys().items() if key.read is None
    }
    for name in sorted(ours - used):
        if (folder / SECRETS / name).is_file():
            (folder / SECRETS / name).unlink()
            changed.append(SECRETS / name)
    return changed
