"""What the first page asks is right."""

import pytest

from photo_monitoring.alerts import ALERTS
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.console.overview import INSTANT, SPARKS
from photo_monitoring.expressions import fill
from photo_monitoring.lints import lint_expression, recordings_by_name
from photo_monitoring.proofs import promtool
from photo_monitoring.yaml_text import to_yaml

ASKED = {f"instant:{name}": expr for name, expr in INSTANT.items()}
ASKED |= {f"spark:{name}": expr for name, expr in SPARKS.items()}


def test_promtool_parses_everything_that_the_first_page_asks() -> None:
    rules = [{"record": name, "expr": fill(expr, Settings())} for name, expr in ASKED.items()]
    assert promtool.check_rules({"overview.yml": to_yaml({"groups": [{"name": "overview", "rules": rules}]})}) is None


# Those of the last day ask for what Prometheus itself keeps, in subqueries.
@pytest.mark.parametrize("name", [name for name, expr in ASKED.items() if "[1d:1m]" not in expr])
def test_the_first_page_asks_for_metrics_and_labels_that_exist(name: str) -> None:
    assert lint_expression(fill(ASKED[name], Settings()), recordings_by_name(ALERTS)) == []
