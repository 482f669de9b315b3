"""The guide's channels (9.2) and what answers each: rows of the traceability matrix."""

from collections.abc import Iterator

from photo_monitoring.guide import load_guide
from photo_monitoring.routing.channels import CHANNELS


def channel_rows(missing: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield the guide's channel, its severities, how it is meant, and our tables that take just these severities."""
    for channel in load_guide().channels:
        names = {name.strip().lower() for name in channel.name.split("/")}
        found = [
            f"`[channels.{one.name}]`"
            for one in CHANNELS.values()
            if one.title.lower() in names and sorted(one.takes) == sorted(channel.severities)
        ]
        answer = ", ".join(found) if len(found) == len(names) else missing
        yield channel.name, ", ".join(channel.severities), channel.how, answer


def own_channels() -> list[str]:
    """Return the channels that the guide does not name."""
    asked = {name.strip().lower() for channel in load_guide().channels for name in channel.name.split("/")}
    return [f"`[channels.{one.name}]`" for one in CHANNELS.values() if one.title.lower() not in asked]
