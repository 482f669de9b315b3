"""A real Prometheus with our rules, in which one of two instances is down, and the Alertmanager that it tells."""

import json
import time
from collections.abc import Iterator

import numpy as np
import pytest
from tests.support.alertmanager import Alertmanager, running_alertmanager
from tests.support.prometheus import Prometheus, Series, running_prometheus

from photo_monitoring.render import render_rules

TIME_SCALE = 60.0


@pytest.fixture(scope="session")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    folder = tmp_path_factory.mktemp("alertmanager")
    # YAML holds JSON.
    route = {"receiver": "nobody", "group_wait": "0s", "group_interval": "1s"}
    (folder / "alertmanager.yml").write_text(json.dumps({"route": route, "receivers": [{"name": "nobody"}]}))
    with running_alertmanager(folder) as running:
        yield running


@pytest.fixture(scope="session")
def prometheus(tmp_path_factory: pytest.TempPathFactory, alertmanager: Alertmanager) -> Iterator[Prometheus]:
    """api-1 is ready, api-2 down, for half an hour already; alerts speak English."""
    folder = tmp_path_factory.mktemp("prometheus")
    name = "photo_api_availability.yml"
    (folder / name).write_text(render_rules(lang="en", time_scale=TIME_SCALE)[name])
    config = {
        "global": {"evaluation_interval": "1s", "external_labels": {"region": "kr1"}},
        "rule_files": [name],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager.port}"]}]}]},
    }
    now = int(time.time() * 1000)
    times = np.arange(now - 1_800_000, now + 1, 15_000, dtype=np.int64)

    def constant(metric: str, value: float, **labels: str) -> Series:
        return Series({"__name__": metric, "job": "photo-api", **labels}, times, np.full(len(times), value))

    with running_prometheus(folder, config, ["--rules.alert.resend-delay=1s"]) as running:
        running.write(
            [
                constant("up", 1, instance="api-1"),
                constant("up", 0, instance="api-2"),
                constant("photo_api_ready", 1, instance="api-1"),
                constant("photo_api_app_info", 1, instance="api-1", version="1.2.3", environment="test", node="n1"),
            ]
        )
        yield running


@pytest.fixture(scope="session")
def watched(prometheus: Prometheus, alertmanager: Alertmanager) -> dict[str, str]:
    """The two servers, as a console's settings name them."""
    return {"prometheus": f"http://127.0.0.1:{prometheus.port}", "alertmanager": alertmanager.url}
