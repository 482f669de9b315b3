"""What a user may set differently from the guide, and the values used when nothing is set."""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from photo_monitoring.routing.quiet_hours import QuietHours

if TYPE_CHECKING:
    from photo_monitoring.routing.channel import Channel

Language = Literal["ko", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("ko", "en")

SYSTEM: Final = "photo-api"
"""The value of the static label `system` on every alert; `service` belongs to external services."""

JOBS: Final = {
    "api": "api_job",
    "node": "node_job",
    "prometheus": "prometheus_job",
    "alertmanager": "alertmanager_job",
    "haproxy": "balancer_job",
    "blackbox": "blackbox_job",
    "probe": "probe_job",
}
"""What there is to scrape, as `[jobs]` and `$` placeholders call it → the setting that names its job."""

CONSOLE: Final = "http://localhost:8080"

SECRETS: Final = "/etc/alertmanager/secrets"
"""Where Alertmanager finds the files of its secrets, unless a setting says otherwise."""

_INSTANCE: Final = re.compile(r"(?<![\w:])instance(?![\w:])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one tier of an alert (its subject, its severity) has differently from its declaration; None: nothing.

    `reason` switches the tier off, and says why.
    """

    subject: str
    severity: str
    threshold: float | None = None
    hold: str | None = None
    minimum: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveChange:
    """What one objective (`slo`) has differently from its declaration; None, or not among `burns`: nothing.

    `objective` is the share of good events, `burns` the paces that alert, by the long window that each is looked at in.
    """

    slo: str
    objective: float | None = None
    burns: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Names and addresses that the rendered rules need, and what differs from the declarations.

    `time_scale` divides windows, `for` and intervals alike, for drills. The URLs are where people reach the console,
    runbooks and dashboards (no trailing slash); the latter two are the console's own unless set. `instance_label` tells
    one instance from another, on every job. `channels` are the ways to people, `secrets_folder` is where Alertmanager
    finds their secrets; `configured` says that an override file was read: without one, the example's channels are
    rendered.
    """

    lang: Language = "ko"
    time_scale: float = 1.0
    interval: str = "30s"
    api_job: str = "photo-api"
    node_job: str = "node"
    prometheus_job: str = "prometheus"
    alertmanager_job: str = "alertmanager"
    balancer_job: str = "haproxy"
    blackbox_job: str = "blackbox"
    probe_job: str = "probe"
    balancer_frontend: str = "photos"
    instance_label: str = "instance"
    console_url: str = CONSOLE
    runbooks_url: str | None = None
    dashboards_url: str | None = None
    changes: tuple[Change, ...] = ()
    objective_changes: tuple[ObjectiveChange, ...] = ()
    channels: "tuple[Channel, ...]" = ()
    quiet_hours: QuietHours = field(default_factory=QuietHours)
    secrets_folder: str = SECRETS
    configured: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse values that would render rules Prometheus cannot evaluate."""
        if self.lang not in LANGUAGES:
            msg = f"unknown language {self.lang!r}: use one of {', '.join(LANGUAGES)}"
            raise ValueError(msg)
        if not 0 < self.time_scale <= 10_000:
            msg = f"time scale {self.time_scale} is out of range: use a number above 0, at most 10000"
            raise ValueError(msg)

    @property
    def runbooks(self) -> str:
        """The URL below which runbooks are."""
        return self.runbooks_url or f"{self.console_url}/runbooks"

    @property
    def dashboards(self) -> str:
        """The URL below which dashboards are."""
        return self.dashboards_url or f"{self.console_url}/dashboards"

    def label(self, name: str) -> str:
        """Return what a label of a declaration is called here."""
        return self.instance_label if name == "instance" else name

    def relabelled(self, text: str) -> str:
        """Return PromQL or a series with the instance label called as it is here; recordings keep their names."""
        return text if self.instance_label == "instance" else _INSTANCE.sub(self.instance_label, text)
