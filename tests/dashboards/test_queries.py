"""Queries: what stands for what, and what is told when something does not exist."""

import pytest

from photo_monitoring.configuration.settings import Settings
from photo_monitoring.dashboards.queries import filled_in, query, used_variables
from photo_monitoring.expressions import UnknownPlaceholderError


def test_the_rules_placeholders_and_grafanas_variables_go_together() -> None:
    text = query("rate(x{$picked}[$rate]) + y{$node} + z[${5m}]", Settings())
    assert text == 'rate(x{job="photo-api", instance=~"$instance"}[$__rate_interval]) + y{job="node"} + z[5m]'


def test_the_variable_node_is_not_the_matcher_of_its_job() -> None:
    assert query('x{node=~"$on_node"}', Settings()) == 'x{node=~"$node"}'


def test_a_dollar_of_promql_stays() -> None:
    assert query('label_replace(x{$api}, "a", "$$1", "b", "(.)")', Settings()).count('"$1"') == 1


def test_a_placeholder_that_does_not_exist_is_named() -> None:
    with pytest.raises(UnknownPlaceholderError, match="pickd"):
        query("x{$pickd}", Settings())


def test_variables_are_told_from_the_built_in_window() -> None:
    assert used_variables('x{instance=~"$instance"}[$__rate_interval]') == {"instance"}


def test_a_query_is_filled_in_as_prometheus_gets_it() -> None:
    text = 'rate(x{instance=~"$instance", handler=~"$endpoint"}[$__rate_interval]) "$1"'
    assert filled_in(text, rate="1m", instance="api-1") == 'rate(x{instance=~"api-1", handler=~".+"}[1m]) "$1"'
