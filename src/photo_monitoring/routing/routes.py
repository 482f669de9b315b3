"""The tree of routes: which alert reaches which channel, how soon, and how often again (guide 9.2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from photo_monitoring import durations
from photo_monitoring.configuration.settings import SYSTEM
from photo_monitoring.criteria import Severity
from photo_monitoring.routing.inhibition import NOTICED
from photo_monitoring.routing.quiet_hours import QUIET_HOURS
from photo_monitoring.routing.webhooks import TEST_ALERT

if TYPE_CHECKING:
    from photo_monitoring.configuration.settings import Settings
    from photo_monitoring.routing.channel import Channel

NOBODY: Final = "nobody"
"""The receiver of what no channel takes."""

WATCHDOG: Final = "Watchdog"
TEST_LABEL: Final = "channel"
"""The label by which a test message says which channel it is for."""

_GROUPED_BY: Final = ["system", "alertname", "severity", "service"]
_CRITICAL: Final = f'severity="{Severity.CRITICAL}"'
# Another system's alert without a severity of ours must not vanish: it goes where warnings go.
_WARNING: Final = f'severity!~"{Severity.CRITICAL}|{Severity.NONE}"'


@dataclass(frozen=True, slots=True)
class Pace:
    """How soon a group is told, how soon a change in it, and how often it is told again."""

    wait: str
    interval: str
    repeat: str

    def scaled(self, time_scale: float) -> dict[str, str]:
        """Return it as a route has it."""
        return {
            "group_wait": durations.scaled(self.wait, time_scale),
            "group_interval": durations.scaled(self.interval, time_scale),
            "repeat_interval": durations.scaled(self.repeat, time_scale),
        }


PAGE: Final = Pace("10s", "1m", "1h")
WARN: Final = Pace("30s", "5m", "1d")
DIGEST: Final = Pace("5m", "6h", "1d")
# Repeats are looked at once in an interval: an interval of 5 m would make it 10 m between two signs of life.
ALIVE: Final = Pace("0s", "30s", "5m")
_TEST: Final = Pace("0s", "1s", "4h")


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalWebhook:
    """A receiver beside the channels: every alert at once, day and night.

    `url` gets the alerts, `watchdog_url`, where set, the Watchdog; `name` is the receiver's in Alertmanager.
    """

    name: str
    url: str
    watchdog_url: str | None = None

    @property
    def watchdog_name(self) -> str:
        """The receiver of the Watchdog."""
        return f"{self.name}-watchdog"


def _route(receiver: str, matchers: list[str], pace: dict[str, str], **more: list[str]) -> dict[str, Any]:
    return {"receiver": receiver, "matchers": matchers, **more, **pace, "continue": True}


def _tests(channels: "Iterable[Channel]") -> list[dict[str, Any]]:
    # Tests are as quick at any time scale: an operator waits for them.
    routes = [
        _route(
            channel.name,
            [f'alertname="{TEST_ALERT}"', f'{TEST_LABEL}="{channel.name}"'],
            _TEST.scaled(1),
            group_by=["alertname", TEST_LABEL],
        )
        for channel in channels
    ]
    return [route | {"continue": False} for route in routes]


def _channel(channel: "Channel", settings: "Settings") -> list[dict[str, Any]]:
    scale, routes = settings.time_scale, []
    if Severity.CRITICAL in channel.wanted:
        page = _route(channel.name, [_CRITICAL], PAGE.scaled(scale), group_by=_GROUPED_BY)
        if channel.on_call:
            # What users notice is one page, however many objectives say it.
            noticed = f'alertname=~"{"|".join(sorted(NOTICED))}"'
            page["routes"] = [{"matchers": [noticed], "group_by": ["system", "severity"]}]
        routes.append(page)
    if Severity.WARNING in channel.wanted:
        pace, grouped = (DIGEST, ["system", "severity"]) if channel.digest else (WARN, _GROUPED_BY)
        more = {"mute_time_intervals": [QUIET_HOURS]} if channel.quiet_at_night and is_quiet(settings) else {}
        routes.append(_route(channel.name, [_WARNING], pace.scaled(scale), group_by=grouped, **more))
    return routes


def is_quiet(settings: "Settings") -> bool:
    """Say whether warnings wait at night: not in a drill, whose time is not the clock's."""
    return settings.quiet_hours.enabled and settings.time_scale == 1


def tree(settings: "Settings", local: Iterable[LocalWebhook] = ()) -> dict[str, Any]:
    """Return the root route: tests, the Watchdog, local receivers, then each channel."""
    scale, locals_ = settings.time_scale, list(local)
    switches = [channel.name for channel in settings.channels if not channel.takes]
    switches += [one.watchdog_name for one in locals_ if one.watchdog_url]
    # Another system's Watchdog, a usual name, is no sign of life of ours.
    ours = [f'alertname="{WATCHDOG}"', f'system="{SYSTEM}"']
    alive = [_route(name, ours, ALIVE.scaled(scale), group_by=["alertname"]) for name in switches]
    beside = [
        _route(one.name, [f'severity!="{Severity.NONE}"'], PAGE.scaled(scale), group_by=_GROUPED_BY) for one in locals_
    ]
    people = [route for channel in settings.channels for route in _channel(channel, settings)]
    return {
        "receiver": NOBODY,
        "group_by": _GROUPED_BY,
        **WARN.scaled(scale),
        "routes": [*_tests(settings.channels), *alive, *beside, *people],
    }
