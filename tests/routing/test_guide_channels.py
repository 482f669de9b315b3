"""The guide's channels in the matrix."""

from photo_monitoring.routing.guide_channels import channel_rows, own_channels


def test_every_channel_of_the_guide_is_there_for_just_its_severities() -> None:
    assert [(name, answer) for name, _, _, answer in channel_rows("—")] == [
        ("Slack", "`[channels.slack]`"),
        ("PagerDuty / Opsgenie", "`[channels.opsgenie]`, `[channels.pagerduty]`"),
        ("e-mail", "`[channels.email]`"),
    ]


def test_ours_beside_them_are_named() -> None:
    assert own_channels() == ["`[channels.dead_mans_switch]`", "`[channels.dooray]`", "`[channels.webhook]`"]
