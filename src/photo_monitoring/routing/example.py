"""`settings.example.toml`: every channel with every key, rendered from the channels' declarations, and read back."""

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from photo_monitoring.configuration.settings import SECRETS, Settings
from photo_monitoring.routing.channels import CHANNELS
from photo_monitoring.routing.quiet_hours import QuietHours
from photo_monitoring.routing.reading import SECRETS_FOLDER, read_channels

if TYPE_CHECKING:
    from photo_monitoring.routing.channel import Channel

EXAMPLE: Final = Path("settings.example.toml")

_HEADER: Final = f"""\
# Rendered by `photo-monitoring render`; changes made here are lost.
#
# Every channel, with every key. Copy the tables of the channels that you have into your `monitoring.toml`, then
# `photo-monitoring render`, `photo-monitoring check --production`; a channel without a table is left out. How to
# connect one: docs/connect-channels.md. The files in alertmanager/ here are rendered from this example.
#
# Secrets never stand in this file: name a file with <key>_file (mode 600, the secret alone in it) or an environment
# variable with <key>_env. Rendering puts them into alertmanager/secrets/, mode 600, which git ignores.

[channels]
# Where Alertmanager finds those files, on its own machine.
{SECRETS_FOLDER} = "{SECRETS}"
"""


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return f"[{', '.join(_text(one) for one in value)}]"
    return f'"{value}"'


def _table(channel: "type[Channel]") -> Iterator[str]:
    example = channel.example
    use = (
        f"Takes {' and '.join(severity.value for severity in channel.takes)}" if channel.takes else "Takes the Watchdog"
    )
    yield f"\n# {channel.title}. {use}{'; it wakes whoever is on call' if channel.on_call else ''}."
    if channel.notice:
        yield f"# Note: {channel.notice}."
    yield f"[channels.{channel.name}]"
    for name, key in channel.keys().items():
        if name == "severities":
            continue
        written = [f"{name}_file", f"{name}_env"] if key.read is None else [name]
        shown = next((one for one in written if one in example), written[0])
        if shown in example:
            yield f"{shown} = {_text(example[shown])}  # {key.about}"
        else:
            default = _text(channel.defaults().get(name) or "…")
            yield f"# {shown} = {default}  # {key.about}"
    if channel.takes:
        severities = _text([severity.value for severity in channel.takes])
        yield f"# severities = {severities}  # {channel.keys()['severities'].about}"


def render_settings_example() -> str:
    """Return the example's text."""
    quiet = QuietHours()
    lines = [_HEADER.rstrip("\n")]
    for channel in CHANNELS.values():
        lines += _table(channel)
    lines += [
        "\n# Warnings wait in these hours, for the channels that make a noise; e-mail and critical alerts never wait.",
        "[quiet_hours]",
        f"enabled = {_text(quiet.enabled)}",
        *(f"{name} = {_text(getattr(quiet, name))}" for name in ("start", "end", "location")),
    ]
    return "\n".join(lines) + "\n"


@cache
def example_channels() -> "tuple[Channel, ...]":
    """Return the channels of the example."""
    problems: list[str] = []
    table = tomllib.loads(render_settings_example())["channels"]
    channels, _ = read_channels(table, lambda path, what: problems.append(f"{'.'.join(path)}: {what}"))
    if problems:
        msg = "; ".join(problems)
        raise ValueError(msg)
    return channels


def or_example(settings: Settings) -> Settings:
    """Return settings with the example's channels, where no override file says which there are."""
    return settings if settings.configured else replace(settings, channels=example_channels())
