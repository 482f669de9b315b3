"""One Alertmanager with every channel, for each language, told of the same faults."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest
from tests.support.alertmanager import Alertmanager, alert
from tests.support.channels import Providers, wired

from photo_monitoring import annotations
from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.settings import SYSTEM, Settings


@dataclass(frozen=True)
class Wired:
    """Providers, the Alertmanager that leads there, and in which language."""

    lang: str
    providers: Providers
    alertmanager: Alertmanager


def real_alert(
    name: str,
    severity: str,
    settings: Settings,
    labels: Mapping[str, str],
    *,
    resolved: bool = False,
    seconds: float = 90,
) -> dict[str, object]:
    """An alert as its rule fires it, with its own texts."""
    declared = next(one for one in ALERTS if one.name == name)
    tier = next(tier for tier in declared.tiers if tier.severity == severity)
    every = {"alertname": name, "severity": severity, "subject": declared.subject, "system": SYSTEM, **labels}
    return alert(
        every, annotations.expected(declared, tier, settings, labels, 0.07), resolved=resolved, seconds=seconds
    )


@pytest.fixture(scope="session", params=["ko", "en"])
def channels(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wired]:
    """A killed instance and an error burst were told, and are over."""
    with wired(tmp_path_factory.mktemp(f"channels-{request.param}"), request.param) as (providers, alertmanager):
        settings = providers.settings()
        dead = {"job": "photo-api", "instance": "api-1"}
        alertmanager.post(
            real_alert("ServiceDown", "critical", settings, dead),
            real_alert("SlowLogin", "warning", settings, {"job": "photo-api"}),
            alert({"alertname": "Watchdog", "severity": "none", "system": SYSTEM}, {"summary": "alive"}),
        )
        for provider in (providers.slack, providers.webhook, providers.dooray):
            provider.wait(lambda message: "SlowLogin" in str(message.body), "the warning")
        for woken in (providers.pagerduty, providers.opsgenie, providers.switch):
            woken.wait()
        providers.mail.wait(lambda mail: "ServiceDown" in mail["subject"])
        alertmanager.post(real_alert("ServiceDown", "critical", settings, dead, resolved=True))
        yield Wired(request.param, providers, alertmanager)
