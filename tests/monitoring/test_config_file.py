"""The override file: what it may say, and how each mistake in it is told."""

from pathlib import Path

import pytest

from photo_monitoring.configuration.example import render_example
from photo_monitoring.configuration.file import ConfigError, load, parse
from photo_monitoring.configuration.overrides import in_force, overrides
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.render import render_rules

ERRORS = "[alerts.HighErrorRate.request-errors.warning]\n"
CRITICAL = "[alerts.HighErrorRate.request-errors.critical]\n"
IMAGES = "[slos.image-delivery]\n"


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return caught.value.problems


def test_an_empty_file_changes_nothing() -> None:
    assert parse("") == Settings()


def test_the_whole_example_renders_the_same_rules() -> None:
    settings = parse(render_example())
    assert settings.changes
    assert overrides(settings) == []
    assert render_rules(settings=settings) == render_rules()


def test_a_tiers_numbers_become_the_rules() -> None:
    settings = parse(f'{ERRORS}threshold = 0.02\nfor = "10m"\nminimum = 50')
    rules = render_rules(settings=settings)["photo_api_availability.yml"]
    assert "job:http_requests_errors:ratio_rate5m > 0.02\n" in rules
    assert "job:http_requests:increase5m >= 50\n" in rules
    assert "for: 10m" in rules
    assert "기준 2%를 10분 이상" in rules


def test_only_the_named_tier_changes() -> None:
    before, after = render_rules(), render_rules(settings=parse(f"{ERRORS}threshold = 0.02"))
    assert [name for name in before if before[name] != after[name]] == ["photo_api_availability.yml"]
    assert "ratio_rate5m > 0.05\n" in after["photo_api_availability.yml"]


def test_a_tier_switched_off_has_no_rule_and_the_other_stays() -> None:
    settings = parse('[alerts.HighCPUUsage.cpu.warning]\nenabled = false\nreason = "batch hosts"')
    (alert,) = [alert for alert in in_force(settings) if alert.subject == "cpu"]
    assert [tier.severity for tier in alert.tiers] == ["critical"]


def test_an_alert_switched_off_has_no_rule_but_its_recordings_stay() -> None:
    settings = parse('[alerts.LowDiskSpace.disk]\nenabled = false\nreason = "disks are watched elsewhere"')
    rules = render_rules(settings=settings)["photo_api_resources.yml"]
    assert "subject: disk\n" not in rules
    assert "subject: disk-available\n" in rules
    assert "record: instance_mountpoint:node_filesystem_used:ratio" in rules


def test_a_group_with_every_alert_off_and_nothing_recorded_is_no_file() -> None:
    names = (
        "Watchdog.pipeline",
        "NodeExporterDown.node-exporter",
        "AlertmanagerDown.alertmanager",
        "RuleEvaluationsFailing.rule-evaluation",
        "NotificationsFailing.notifications",
        "LogsDropped.log-drops",
        "ProbeFailing.probe",
        "TLSCertificateExpiring.tls-certificate",
        "ScrapesFailing.scrapes",
        "ScrapesFailing.scrape-limits",
        "PrometheusDown.prometheus",
        "RuleEvaluationsSlow.rule-duration",
        "RuleEvaluationsSlow.rule-iterations",
        "AlertsNotSent.alert-sending",
        "AlertsNotSent.alert-drops",
        "AlertmanagerClusterIncomplete.alertmanager-cluster",
        "ConfigReloadFailing.config-reload",
    )
    settings = parse("".join(f'[alerts.{name}]\nenabled = false\nreason = "elsewhere"\n' for name in names))
    assert "photo_api_pipeline.yml" not in render_rules(settings=settings)


def test_jobs_labels_and_the_frontend_get_their_names() -> None:
    settings = parse('[jobs]\napi = "photos"\n[labels]\ninstance = "pod"\n[haproxy]\nfrontend = "https"')
    text = "".join(render_rules(settings=settings).values())
    assert 'up{job="photos"} == 0' in text
    assert 'job="photo-api"' not in text
    assert "unless on (job, pod)" in text
    assert "{{ $labels.pod }}" in text
    assert "on (job, instance)" not in text
    assert "record: instance:node_cpu_used:ratio_rate5m" in text
    assert 'proxy="https"' in text


def test_runbooks_and_dashboards_are_the_consoles_unless_they_have_an_address() -> None:
    settings = parse('[urls]\nconsole = "https://ops.example.com/"\nrunbooks = "https://wiki.example.com/r"')
    text = render_rules(settings=settings)["photo_api_availability.yml"]
    assert "runbook_url: https://wiki.example.com/r/ServiceDown\n" in text
    assert "dashboard_url: https://ops.example.com/dashboards/photo-api-overview?viewPanel=11\n" in text


def test_the_language_is_that_of_the_file() -> None:
    assert parse('language = "en"').lang == "en"


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("langage = 'en'", 1, "unknown key; did you mean language?"),
        ("[channels]\nslack = 'x'", 2, "must be a table"),
        ("language = 'fr'", 1, "must be one of ko, en"),
        ("[jobs]\n\nap = 'x'", 3, "jobs.ap: unknown key; did you mean api?"),
        ("[jobs]\napi = 7", 2, "must be a text"),
        ("[jobs]\napi = 'a b'", 2, "is no name"),
        ("[jobs]\napi = 'node'", 2, "their series would mix"),
        ("jobs = 3", 1, "must be a table"),
        ("[labels]\ninstance = 'pod-name'", 2, "is no label"),
        ("[labels]\ninstance = 'service'", 2, "another label already"),
        ("[urls]\nconsole = 'ops.example.com'", 2, "must be a URL"),
        ("[urls]\nconsole = 'https://user:x@example.com'", 2, "must be a URL"),
        ("[alerts.HighErorRate.x]", 1, "no alert is called HighErorRate; did you mean HighErrorRate?"),
        ("[alerts.cpu]", 1, "write [alerts.HighCPUUsage.cpu]"),
        ("[alerts.HighErrorRate.warning]\nfor = '1m'", 1, "write [alerts.HighErrorRate.request-errors]"),
        ("[alerts.HighErrorRate.request-errors.critcal]", 1, "did you mean critical?"),
        (f"{ERRORS}treshold = 1", 2, "did you mean threshold?"),
        (f"{ERRORS}threshold = '1'", 2, "must be a number"),
        (f"{ERRORS}threshold = true", 2, "must be a number"),
        (f"{ERRORS}threshold = nan", 2, "must be a number"),
        (f"{ERRORS}threshold = 0", 2, "must be above 0"),
        (f"{ERRORS}threshold = 5", 2, "could never fire"),
        (f"{ERRORS}minimum = -1", 2, "must be above 0"),
        (f"{ERRORS}for = 5", 2, "must be a duration in quotes"),
        (f"{ERRORS}for = '5 minutes'", 2, "must be a duration in quotes"),
        (f"{ERRORS}for = '2d'", 2, "at most"),
        ("[alerts.SlowLogin.login-time.critical]\nthreshold = 4", 2, "has no bucket 4; there are"),
        ("[alerts.TooManyActiveSessions.active-sessions.warning]\nthreshold = 9.5", 2, "a whole number"),
        ("[alerts.ServiceDown.service-health.warning]\nthreshold = 1", 2, "this tier has no threshold; it has for"),
        ("[alerts.HighCPUUsage.cpu.warning]\nminimum = 1", 2, "this tier has no minimum"),
        (f"{ERRORS}threshold = 0.05", 2, "warning's threshold 0.05 must be below critical's 0.05"),
        (f"{ERRORS}minimum = 1e9", 2, "more than a million a second"),
        (f"{CRITICAL}threshold = 0.01", 2, "warning's threshold 0.01 must be below critical's 0.01"),
        ("[alerts.LowUploadCompletion.upload-completion.warning]\nthreshold = 0.5", 2, "must be above critical's 0.6"),
        ("[alerts.ServiceDown.service-health.critical]\nfor = '15s'", 2, "no longer than critical's 15s"),
        ("slos = 1", 1, "must be a table"),
        ("[slos]\nimage-delivery = 1", 2, "must be a table"),
        ("[slos.image-delivry]", 1, "did you mean image-delivery?"),
        (f"{IMAGES}objectiv = 0.9", 2, "did you mean objective?"),
        (f"{IMAGES}objective = '0.99'", 2, "must be a number"),
        (f"{IMAGES}objective = 99.5", 2, "is a share and must be below 1"),
        (f"{IMAGES}burn_1h = 0", 2, "must be above 0"),
        (f"{IMAGES}burn_6h = 14.4", 1, "the slower the pace must be"),
        (f"{IMAGES}objective = 0.9", 1, "is too low"),
        (f"{ERRORS}\nenabled = false", 3, "switched off without a reason"),
        (f"{ERRORS}enabled = false\nreason = ' '", 3, "must be a text of one line"),
        (f"{ERRORS}reason = 'so'", 2, "goes with enabled = false only"),
        (f"{ERRORS}enabled = 'no'", 2, "must be true or false"),
        ("a = \n", 1, "not TOML"),
        ("a = 1\na = 2\n", 2, "not TOML"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, line: int, told: str) -> None:
    (problem,) = problems(text)
    assert problem.startswith(f"monitoring.toml:{line}: ")
    assert told in problem
    assert "\n" not in problem


def test_several_mistakes_are_told_at_once_in_the_files_order() -> None:
    told = problems(f"langage = 'en'\n{ERRORS}threshold = 7\nfor = 1\n[job]\n")
    assert [line.split(":")[1] for line in told] == ["1", "3", "4", "5"]


def test_an_objective_and_its_paces_become_the_rules() -> None:
    rules = render_rules(settings=parse(f"{IMAGES}objective = 0.99\nburn_3d = 0.5"))["photo_api_slo.yml"]
    assert "expr: vector(0.99)" in rules
    assert 'ratio_rate3d{sloth_id="photo-api-image-delivery"} > 0.5 * 0.01' in rules
    assert 'ratio_rate1h{sloth_id="photo-api-image-delivery"} > 14.4 * 0.01' in rules
    assert "목표 '이미지 전달 99%'" in rules
    assert 'ratio_rate3d{sloth_id="photo-api-share-views"} > 1 * 0.005' in rules


def test_both_tiers_may_move_together_past_where_one_was() -> None:
    settings = parse(f"{ERRORS}threshold = 0.06\n{CRITICAL}threshold = 0.2")
    assert [change.threshold for change in settings.changes] == [0.06, 0.2]


def test_a_warning_may_be_anywhere_once_its_critical_tier_is_off() -> None:
    settings = parse(f'{ERRORS}threshold = 0.3\n{CRITICAL}enabled = false\nreason = "nobody is on call"')
    assert settings.changes[0].threshold == 0.3


def test_growth_may_be_more_than_the_whole() -> None:
    assert parse("[alerts.StorageSurge.storage-growth.critical]\nthreshold = 1.5").changes[0].threshold == 1.5


def test_a_file_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "monitoring.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(file)
    with pytest.raises(ConfigError, match="cannot read it"):
        load(tmp_path)
