"""`[channels…]` in the override file: read strictly, told by line, and no secret is taken, or repeated."""

import re

import pytest

from photo_monitoring.configuration.file import ConfigError, parse
from photo_monitoring.criteria import Severity
from photo_monitoring.routing.channel import Secret
from photo_monitoring.routing.channels import CHANNELS
from photo_monitoring.routing.channels.slack import Slack
from photo_monitoring.routing.example import example_channels, render_settings_example
from photo_monitoring.routing.quiet_hours import QuietHours

SECRET = "xoxb0123456789abcdefABCDEF"


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return caught.value.problems


def test_a_secret_is_named_by_its_file_or_its_variable() -> None:
    by_file = parse('[channels.slack]\nurl_file = "/etc/photo/slack-url"\n').channels
    by_env = parse('[channels.slack]\nurl_env = "SLACK_URL"\n').channels
    assert by_file == (Slack(url=Secret(file="/etc/photo/slack-url")),)
    assert by_env == (Slack(url=Secret(env="SLACK_URL")),)


def test_without_a_table_there_is_no_channel() -> None:
    assert parse("").channels == ()


@pytest.mark.parametrize(
    ("table", "line"),
    [
        (
            f'slack]\nurl = "https://hooks.slack.com/services/{SECRET}"',
            "monitoring.toml:2: channels.slack.url: a secret",
        ),
        (
            f'slack]\nurl_file = "https://hooks.slack.com/services/{SECRET}"',
            "monitoring.toml:2: channels.slack.url_file:",
        ),
        (
            f'slack]\nurl_env = "https://hooks.slack.com/services/{SECRET}"',
            "monitoring.toml:2: channels.slack.url_env:",
        ),
        (f'pagerduty]\nrouting_key = "{SECRET}"', "monitoring.toml:2: channels.pagerduty.routing_key: a secret"),
        (f'pagerduty]\nrouting_key_file = "{SECRET}"', "monitoring.toml:2: channels.pagerduty.routing_key_file:"),
        (f'opsgenie]\napi_key = "{SECRET}"', "monitoring.toml:2: channels.opsgenie.api_key: a secret"),
        (f'email]\npassword = "{SECRET}"', "monitoring.toml:2: channels.email.password: a secret"),
        (
            f'webhook]\nurl = "https://user:{SECRET}@example.com"',
            "monitoring.toml:2: channels.webhook.url: must be a URL",
        ),
        (
            f'webhook]\nurl = "https://example.com?token={SECRET}"',
            "monitoring.toml:2: channels.webhook.url: must be a URL",
        ),
        (
            f'webhook]\nurl = "https://hook.dooray.com/services/{SECRET}"',
            "monitoring.toml:2: channels.webhook.url: this",
        ),
        (f'webhook]\nurl = "https://a.example"\ncredentials = "{SECRET}"', "monitoring.toml:3: channels.webhook.cred"),
        (f'dooray]\nurl = "https://hook.dooray.com/{SECRET}"', "monitoring.toml:2: channels.dooray.url: a secret"),
        (
            f'dead_mans_switch]\nendpoint = "https://hc-ping.com/{SECRET}"',
            "monitoring.toml:2: channels.dead_mans_switch.",
        ),
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(table: str, line: str) -> None:
    found = problems(f"[channels.{table}\n")
    assert any(problem.startswith(line) for problem in found), found
    assert SECRET not in "\n".join(found)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[channels.slak]\n", "monitoring.toml:1: channels.slak: unknown channel; did you mean slack?"),
        ("[channels.slack]\n", "monitoring.toml:1: channels.slack: url_file or url_env is missing"),
        ('[channels.slack]\nurl_file = "/a"\nurl_env = "B"\n', "url_env: give url_file or url_env, not both"),
        ('[channels.slack]\nurl_file = "/a"\nchanel = "#x"\n', "slack.chanel: unknown key; did you mean channel?"),
        ('[channels.slack]\nurl_file = "/a"\nseverities = ["urgent"]\n', "severities: must be a list of critical and"),
        ('[channels.dead_mans_switch]\nurl_file = "/a"\nseverities = ["critical"]\n', "severities: unknown key"),
        ("[channels.dead_mans_switch]\n", "needs either url_file (or url_env), or endpoint"),
        ('[channels.email]\nsmarthost = "mail"\n', "channels.email.smarthost: must be host:port"),
        (
            '[channels.email]\nsmarthost = "m:25"\nsender = "a"\nto = []\n',
            "channels.email.sender: must be a mail address",
        ),
        ('[channels.email]\nsmarthost = "m:25"\nsender = "a@b"\nto = "c@d"\nusername = "u"\n', "go together"),
        (
            (
                '[channels.email]\nsmarthost = "m:25"\nsender = "a@b"\nto = "c@d"\nusername = "u"\n'
                'password_file = "/p"\nrequire_tls = false\n'
            ),
            "would send the password in the clear",
        ),
        ('[channels.pagerduty]\nrouting_key_file = "/a"\nurl = "ftp://x"\n', "channels.pagerduty.url: must be a URL"),
        ('[channels.opsgenie]\napi_key_file = "/a"\nteam = "{{ .x }}"\n', "channels.opsgenie.team: must be a text of"),
        ('[channels]\nsecrets_folder = "secrets"\n', "channels.secrets_folder: must be an absolute path"),
        ("[channels]\nslack = 3\n", "monitoring.toml:2: channels.slack: must be a table"),
        (
            '[quiet_hours]\nstart = "25:00"\n',
            "monitoring.toml:2: quiet_hours.start: must be a clock time such as 22:00",
        ),
        ('[quiet_hours]\nstart = "08:00"\nend = "08:00"\n', "start and end are the same: set enabled = false instead"),
        (
            '[quiet_hours]\nlocation = "Asia/Soul"\n',
            "quiet_hours.location: must be a time zone such as Asia/Seoul or UTC",
        ),
        ("[quiet_hours]\nenabled = 1\n", "quiet_hours.enabled: must be true or false"),
        ('[quiet_hours]\nbegin = "21:00"\n', "quiet_hours.begin: unknown key; there are enabled, start, end, location"),
    ],
)
def test_a_mistake_is_one_line_with_its_place(text: str, problem: str) -> None:
    found = problems(text)
    assert any(problem in line for line in found), found
    assert all(re.match(r"monitoring\.toml:\d+: ", line) for line in found)


def test_severities_can_be_chosen() -> None:
    (slack,) = parse('[channels.slack]\nurl_file = "/a"\nseverities = ["warning"]\n').channels
    assert slack.wanted == (Severity.WARNING,)


def test_the_example_has_every_channel_and_is_read_without_a_problem() -> None:
    assert [channel.name for channel in example_channels()] == list(CHANNELS)
    assert parse(render_settings_example()).channels == example_channels()


def test_the_example_names_every_key() -> None:
    text = render_settings_example()
    for name, channel in CHANNELS.items():
        part = text.split(f"[channels.{name}]\n")[1].split("\n[")[0]
        for key, declared in channel.keys().items():
            if key == "severities" and not channel.takes:
                continue
            written = key if declared.read else f"{key}_(?:file|env)"
            assert re.search(rf"^(?:# )?{written} = ", part, re.MULTILINE), (name, key)


def test_the_example_says_when_opsgenies_api_ends() -> None:
    part = render_settings_example().split("# Opsgenie.")[1].split("[channels.opsgenie]")[0]
    assert "2027-04-05" in part


def test_quiet_hours_are_koreas_nights_unless_set() -> None:
    assert parse("").quiet_hours == QuietHours(start="22:00", end="08:00", location="Asia/Seoul")
    assert not parse("[quiet_hours]\nenabled = false\n").quiet_hours.enabled


def test_a_night_is_split_at_midnight() -> None:
    (interval,) = QuietHours().time_interval()["time_intervals"]
    assert interval == {
        "times": [
            {"start_time": "22:00", "end_time": "24:00"},
            {"start_time": "00:00", "end_time": "08:00"},
        ],
        "location": "Asia/Seoul",
    }
