"""Ports, directories and settings of a stack."""

import os
from pathlib import Path

import pytest

from photo_stack.errors import CannotStart
from photo_stack.layout import Layout, Ports, default_data_directory, drain_seconds
from photo_stack.profile import BackendPorts


@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("instances", [1, 2, 10])
def test_a_base_port_gives_consecutive_ports_without_a_double(instances: int, *, pair: bool) -> None:
    ports = sorted(Ports.counted_from(20_000, instances, pair=pair).by_owner())
    assert ports == list(range(20_000, 20_000 + (12 if pair else 8) + 2 * instances))


@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("instances", [1, 2, 10])
def test_usual_ports_do_not_collide(instances: int, *, pair: bool) -> None:
    assert len(Ports.usual(instances, pair=pair).by_owner()) == (12 if pair else 8) + 2 * instances


@pytest.mark.parametrize("grafana", [False, True])
def test_the_backends_ports_come_after_all_others(*, grafana: bool) -> None:
    ports = Ports.counted_from(20_000, 2, pair=True, grafana=grafana, production=True)
    last = 20_000 + 15 + grafana + BackendPorts.COUNT
    assert sorted(ports.by_owner()) == list(range(20_000, last + 1))
    assert ports.by_owner()[last] == "fault-proxy (swift)"


def test_the_backends_usual_ports_collide_with_none() -> None:
    ports = Ports.usual(10, pair=True, grafana=True, production=True)
    assert len(ports.by_owner()) == 12 + 20 + 1 + BackendPorts.COUNT


def test_usual_ports_are_the_well_known_ones() -> None:
    ports = Ports.usual(2)
    assert (ports.load_balancer, ports.console, ports.node_exporter) == (8000, 8080, 9100)
    assert (ports.prometheus, ports.alertmanager, ports.blackbox) == ((9090,), (9093,), 9115)


def test_a_base_port_too_near_the_end_is_refused() -> None:
    with pytest.raises(CannotStart, match="65530 to 65541"):
        Ports.counted_from(65_530, 2)


def test_in_a_checkout_data_lies_in_its_data_folder(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "photo-api"\n')
    inside = tmp_path / "src" / "deep"
    assert default_data_directory({"XDG_STATE_HOME": "/elsewhere"}, inside) == tmp_path / ".data" / "stack"


def test_in_another_project_data_lies_in_the_state_directory(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "another"\n')
    assert default_data_directory({"XDG_STATE_HOME": "/state"}, tmp_path) == Path("/state/photo-stack")


def test_the_drain_is_twelve_seconds_unless_set() -> None:
    assert (drain_seconds({}), drain_seconds({"PHOTO_API_DRAIN_SECONDS": "3.5"})) == (12.0, 3.5)


@pytest.mark.parametrize("text", ["soon", "-1", "601", "nan"])
def test_a_bad_drain_is_refused_by_name(text: str) -> None:
    with pytest.raises(CannotStart, match=f"PHOTO_API_DRAIN_SECONDS={text}"):
        drain_seconds({"PHOTO_API_DRAIN_SECONDS": text})


def test_a_path_too_long_for_sockets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="too long for UNIX sockets"):
        Layout(tmp_path / ("x" * 100)).create()


def test_the_data_directory_is_its_owners_alone(tmp_path: Path) -> None:
    Layout(tmp_path / "data").create()
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match=f"{os.fspath(tmp_path)}/file.*--data"):
        Layout(tmp_path / "file" / "data").create()
