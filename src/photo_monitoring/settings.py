"""What a user may set differently from the guide, and the values used when nothing is set."""

from dataclasses import dataclass
from typing import Final, Literal

Language = Literal["ko", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("ko", "en")

SYSTEM: Final = "photo-api"
"""The value of the static label `system` on every alert; `service` belongs to external services."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Names and addresses that the rendered rules need.

    `time_scale` divides windows, `for` and intervals alike, for drills. `public_url` is where people reach runbooks and
    dashboards (no trailing slash).
    """

    lang: Language = "ko"
    time_scale: float = 1.0
    interval: str = "30s"
    api_job: str = "photo-api"
    node_job: str = "node"
    prometheus_job: str = "prometheus"
    alertmanager_job: str = "alertmanager"
    balancer_job: str = "haproxy"
    balancer_frontend: str = "photos"
    public_url: str = "http://localhost:8080"

    def __post_init__(self) -> None:
        """Refuse values that would render rules Prometheus cannot evaluate."""
        if self.lang not in LANGUAGES:
            msg = f"unknown language {self.lang!r}: use one of {', '.join(LANGUAGES)}"
            raise ValueError(msg)
        if not 0 < self.time_scale <= 10_000:
            msg = f"time scale {self.time_scale} is out of range: use a number above 0, at most 10000"
            raise ValueError(msg)
