"""`--instances`: the file by which Prometheus finds the service's instances."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from photo_monitoring.cli import app
from photo_monitoring.configuration.settings import Settings
from photo_monitoring.targets import TARGETS, InstancesError, parse_instances, render_targets

RUN = CliRunner()


def test_instances_become_target_groups_with_their_names(tmp_path: Path) -> None:
    named = ["--instances", "api-1=10.0.0.11:9101,api-2=[fd00::2]:9101", "--instances", "api-3=photos.example.com:9101"]
    result = RUN.invoke(app, ["render", "--out", str(tmp_path), *named])
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / TARGETS).read_text()) == [
        {"targets": ["10.0.0.11:9101"], "labels": {"instance": "api-1"}},
        {"targets": ["[fd00::2]:9101"], "labels": {"instance": "api-2"}},
        {"targets": ["photos.example.com:9101"], "labels": {"instance": "api-3"}},
    ]


def test_the_name_goes_into_the_instance_label_of_this_system() -> None:
    text = render_targets(parse_instances(["a=h:1"]), Settings(instance_label="pod"))
    assert json.loads(text)[0]["labels"] == {"pod": "a"}


def test_without_instances_the_file_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / TARGETS
    file.parent.mkdir(parents=True)
    file.write_text("[]")
    RUN.invoke(app, ["render", "--out", str(tmp_path)])
    assert file.read_text() == "[]"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("api-1", "NAME=HOST:PORT"),
        ("=h:1", "NAME=HOST:PORT"),
        ("a=h", "NAME=HOST:PORT"),
        ('a"b=h:1', "is no name"),
        ("a=h h:1", "is no host"),
        ("a=10.0.0.300:1", "is no host"),
        ("a=fd00::2:1", "is no host"),
        ("a=[fd00::x]:1", "is no host"),
        ("a=[10.0.0.1]:1", "is no host"),
        ("a=h:0", "is no port"),
        ("a=h:65536", "is no port"),
        ("a=h:http", "is no port"),
        ("a=h:1,a=h:2", "another instance called a"),
        ("a=h:1,b=h:1", "h:1 is a already"),
        (",", "no instance is named"),
    ],
)
def test_a_wrong_instance_is_told_in_one_line(text: str, told: str) -> None:
    with pytest.raises(InstancesError, match=told) as caught:
        parse_instances([text])
    assert "\n" not in str(caught.value)


def test_all_wrong_instances_are_told_and_nothing_is_written(tmp_path: Path) -> None:
    result = RUN.invoke(app, ["render", "--out", str(tmp_path), "--instances", "a,b=h:x"])
    assert result.exit_code == 2
    assert result.output.count("photo-monitoring: --instances") == 2
    assert not list(tmp_path.iterdir())
