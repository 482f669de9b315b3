"""Every alert, in the guide's order; a module a rule group."""

from typing import Final

from photo_monitoring.alerts import availability
from photo_monitoring.criteria import Alert

ALERTS: Final[tuple[Alert, ...]] = (*availability.ALERTS,)
