"""The generated promtool tests fail on rules that are a little wrong.

That all of them pass on the production rules is `photo-monitoring check`, which tests/monitoring/test_cli.py runs.
"""

from collections.abc import Mapping

import pytest
import yaml

from photo_monitoring import promtool
from photo_monitoring.render import render_rules
from photo_monitoring.rule_tests import render_tests
from photo_monitoring.settings import LANGUAGES, Language, Settings

AVAILABILITY = "photo_api_availability"


def complaint(rules: Mapping[str, str], lang: Language = "ko") -> str | None:
    file = f"{AVAILABILITY}.30s.test.yml"
    return promtool.test_rules(rules, {file: render_tests(Settings(lang=lang))[file]})


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_right_rules_pass_in_both_languages(lang: Language) -> None:
    assert complaint(render_rules(lang), lang) is None


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
    rules = render_rules()
    file = f"{AVAILABILITY}.yml"
    assert right in rules[file]
    assert complaint({**rules, file: rules[file].replace(right, wrong)})


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
