"""Every alert; the order here is the order in the rule files."""

from typing import Final

from photo_monitoring.alerts import (
    availability,
    backends,
    business,
    growth,
    performance,
    pipeline,
    resources,
    security,
    slo,
    stability,
    surges,
)
from photo_monitoring.criteria import Alert

ALERTS: Final[tuple[Alert, ...]] = (
    *availability.ALERTS,
    *performance.ALERTS,
    *stability.ALERTS,
    *backends.ALERTS,
    *security.ALERTS,
    *resources.ALERTS,
    *surges.ALERTS,
    *business.ALERTS,
    *growth.ALERTS,
    *pipeline.ALERTS,
    *slo.ALERTS,
)
