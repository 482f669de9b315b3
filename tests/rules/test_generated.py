"""The generated promtool tests fail on rules that are a little wrong.

That all of them pass on the production rules is `photo-monitoring check`, which tests/monitoring/test_cli.py runs.
"""

import pytest
import yaml

from photo_monitoring.configuration.overrides import in_force
from photo_monitoring.configuration.settings import LANGUAGES, Language, Settings
from photo_monitoring.criteria import Group
from photo_monitoring.proofs import promtool
from photo_monitoring.proofs.tested_rules import Suite, suite_of
from photo_monitoring.render import render_rules


def made(lang: Language = "ko") -> Suite:
    settings = Settings(lang=lang)
    return suite_of([alert for alert in in_force(settings) if alert.group is Group.AVAILABILITY], settings)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_right_rules_pass_in_both_languages(lang: Language) -> None:
    assert promtool.test_rules(made(lang).rules, made(lang).tests) is None


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("for: 1m", "for: 2m"),
        ("> 0.05", "> 0.0506"),
        (">= 50", ">= 44"),
        ("severity: critical", "severity: page"),
        ("sum by (job)", "sum by (job, instance)"),
        ("up{", "upp{"),
        ("> time()", "> 1e9 * time()"),
        ("absent(photo_api_ready", "sum(photo_api_ready"),
    ],
)
def test_a_wrong_rule_is_caught(right: str, wrong: str) -> None:
    suite = made()
    assert any(right in text for text in suite.rules.values())
    assert promtool.test_rules({file: text.replace(right, wrong) for file, text in suite.rules.items()}, suite.tests)


def test_a_slice_has_its_alerts_and_what_they_read_and_nothing_else() -> None:
    (group,) = yaml.safe_load(made().rules["HighErrorRate.yml"])["groups"]
    assert [rule.get("record") or rule["alert"] for rule in group["rules"]] == [
        "job:http_requests_errors:ratio_rate5m",
        "job:http_requests:increase5m",
        "HighErrorRate",
        "HighErrorRate",
    ]


def test_no_data_at_all_fires_only_what_watches_for_absence() -> None:
    """Against an empty Prometheus, rules that need data are silent."""
    rules = render_rules()
    names = {
        rule["alert"]
        for text in rules.values()
        for group in yaml.safe_load(text)["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    names -= {"ServiceDownAll", "Watchdog"}
    checks = [{"eval_time": "2h", "alertname": name, "exp_alerts": []} for name in sorted(names)]
    document = {
        "rule_files": sorted(rules),
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "alert_rule_test": checks}],
    }
    assert promtool.test_rules(rules, {"empty.test.yml": yaml.safe_dump(document)}) is None
