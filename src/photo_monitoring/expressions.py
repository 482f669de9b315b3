"""From a declaration to PromQL: placeholders filled in, condition put together.

Placeholders in a declaration's text: `$api`, `$node`, `$prometheus`, `$alertmanager`, `$haproxy`,
`$blackbox` (the black-box exporter), `$probe` (what it probes; all job matchers), `$balancer` (the
load balancer's frontend), `$interval` (seconds between evaluations), `$traffic` (requests that people sent), `$timed`
and `$uploads` (those whose duration is ours, and direct uploads, whose duration is the client's), `$disks`, `$nics`,
`$limit` (the tier's threshold as a histogram bound), and durations as `${5m}`, or in seconds as `${5m_seconds}`, which
the time scale divides. A `$` of PromQL itself (label_replace) is written `$$`.
"""

import string
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from photo_monitoring.criteria import Alert, Recording, Tier
from photo_monitoring.durations import is_duration, scaled, seconds

if TYPE_CHECKING:
    from photo_monitoring.configuration.settings import Settings

# Scrapes, health probes and paths that no route matched say nothing about what users get.
TRAFFIC: Final = 'handler!~"/metrics|/health.*|none"'
# The embedded object store's routes carry whole photos at the speed of the client's line; OTHER are routes that no API
# description names.
TIMED: Final = 'handler!~"/metrics|/health.*|none|OTHER|/storage/.*"'
# The direct upload reads a whole photo from the client, too; the same path also lists photos, by GET.
UPLOADS: Final = 'method="POST",handler="/photos/"'
# Memory, image and container layers are no disks; a disk mounted read-only cannot fill up (left out in the rules).
DISKS: Final = 'fstype!~"autofs|devpts|devtmpfs|fuse.lxcfs|iso9660|nsfs|overlay|proc|ramfs|squashfs|sysfs|tmpfs"'
# Loopback and container bridges would count the same bytes twice.
NICS: Final = 'device!~"lo|veth.*|docker.*|br-.*|cni.*|virbr.*|tun.*"'


class UnknownPlaceholderError(ValueError):
    """A declaration uses a placeholder that does not exist."""


class _Template(string.Template):
    idpattern = r"(?a:[a-z0-9_]+)"


class _Values(Mapping[str, str]):
    """Looks placeholders up; durations are computed, so every duration is a key."""

    def __init__(self, settings: "Settings", fixed: Mapping[str, str]) -> None:
        self._settings = settings
        self._fixed = fixed

    def __getitem__(self, key: str) -> str:
        if is_duration(key):
            return scaled(key, self._settings.time_scale)
        if is_duration(key.removesuffix("_seconds")):
            return number(seconds(key.removesuffix("_seconds")) / self._settings.time_scale)
        return self._fixed[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fixed)

    def __len__(self) -> int:
        return len(self._fixed)


def bound(number: float) -> str:
    """Write a histogram bound as the label `le` has it: always a float, `3.0`."""
    return repr(float(number))


def number(value: float) -> str:
    """Write a number for PromQL: whole numbers without a fraction, the rest as short as they are exact."""
    return str(int(value)) if value == int(value) else repr(value)


def fill(text: str, settings: "Settings", tier: Tier | None = None) -> str:
    """Fill the placeholders of a PromQL text; `UnknownPlaceholderError` names one that does not exist."""
    fixed = {
        "api": f'job="{settings.api_job}"',
        "node": f'job="{settings.node_job}"',
        "prometheus": f'job="{settings.prometheus_job}"',
        "alertmanager": f'job="{settings.alertmanager_job}"',
        "balancer": f'job="{settings.balancer_job}", proxy="{settings.balancer_frontend}"',
        "haproxy": f'job="{settings.balancer_job}"',
        "blackbox": f'job="{settings.blackbox_job}"',
        "probe": f'job="{settings.probe_job}"',
        "interval": number(seconds(settings.interval) / settings.time_scale),
        "traffic": TRAFFIC,
        "timed": TIMED,
        "uploads": UPLOADS,
        "disks": DISKS,
        "nics": NICS,
    }
    if tier is not None:
        fixed["limit"] = bound(tier.threshold)
    try:
        return settings.relabelled(_Template(text.strip()).substitute(_Values(settings, fixed)))
    except (KeyError, ValueError) as error:
        msg = f"placeholder {error} is unknown in: {text.strip()}"
        raise UnknownPlaceholderError(msg) from error


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def condition(alert: Alert, tier: Tier, settings: "Settings") -> str:
    """Return the whole PromQL condition of one tier, over several lines where that reads better."""
    if tier.condition is not None:
        return fill(tier.condition, settings, tier)
    if isinstance(alert.value, Recording):
        value = alert.value.name
    else:
        value = fill(alert.value, settings, tier)
        if alert.compare is None:
            return value
        value = f"(\n{_indented(value)}\n)" if "\n" in value or alert.volume else value
    limit = alert.share if alert.share is not None else tier.threshold
    text = f"{value} {alert.compare} {number(limit)}"
    if alert.volume is not None and tier.minimum is not None:
        kept = ", ".join(settings.label(name) for name in alert.by)
        text += f"\nand on ({kept})\n{alert.volume.name} >= {number(tier.minimum)}"
    return text
