"""`prometheus.yml` for production: what is scraped under which name, and that promtool has the last word."""

from dataclasses import replace
from typing import Any

import yaml

from photo_monitoring.configuration.settings import Settings
from photo_monitoring.proofs import promtool
from photo_monitoring.render import render_all, render_rules
from photo_monitoring.scraping import PROMETHEUS_FILE, ROLES, SAMPLE_LIMIT, prometheus_config


def jobs(settings: Settings) -> dict[str, dict[str, Any]]:
    return {job["job_name"]: job for job in prometheus_config(settings)["scrape_configs"]}


def test_every_job_that_rules_may_read_is_scraped() -> None:
    settings = Settings(api_job="photos", probe_job="outside")
    assert set(jobs(settings)) == {getattr(settings, name) for name in ROLES.values()}


def test_only_the_services_scrape_is_limited() -> None:
    assert {name for name, job in jobs(Settings()).items() if "sample_limit" in job} == {"photo-api"}
    assert jobs(Settings())["photo-api"]["sample_limit"] == SAMPLE_LIMIT


def test_what_is_probed_is_the_instance_by_whatever_name_the_label_goes() -> None:
    steps = jobs(Settings(instance_label="pod"))["probe"]["relabel_configs"]
    assert {"source_labels": ["__param_target"], "target_label": "pod"} in steps


def test_a_scrape_never_waits_longer_than_its_interval() -> None:
    for scale in (1.0, 10.0, 60.0):
        settings = replace(Settings(), time_scale=scale)
        times = prometheus_config(settings)["global"]
        assert (times["scrape_interval"], times["scrape_timeout"]) in {
            ("15s", "10s"),
            ("1s500ms", "1s"),
            ("250ms", "167ms"),
        }


def test_promtool_refuses_a_configuration_or_a_rule_that_prometheus_would() -> None:
    config, rules = render_all(Settings())[PROMETHEUS_FILE], render_rules()
    assert promtool.check_config(config, rules) is None
    assert "scrape_intervall" in str(
        promtool.check_config(config.replace("scrape_interval", "scrape_intervall"), rules)
    )
    broken = yaml.safe_dump({"groups": [{"name": "x", "rules": [{"record": "a:b", "expr": "sum("}]}]})
    assert "parse error" in str(promtool.check_config(config, {"broken.yml": broken}))
