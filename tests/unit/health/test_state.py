"""The instance's state, on a real database and real sinks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import orjson
import pytest
from tests.support.clock import Clock
from tests.support.samples import new_recorder, sample

from photo_api.config import Settings
from photo_api.database import Database, open_database
from photo_api.database.migrate import migrate
from photo_api.health.state import STALLED_SECONDS, Health
from photo_api.logs.sink import FileSink
from photo_metrics import Recorder

READY = "photo_api_ready"
UP = "photo_api_dependency_up"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(data_dir=tmp_path, dependency_probe_seconds=1)
    migrate(settings.resolved_database_url)
    return settings


@pytest.fixture
def recorder() -> Recorder:
    return new_recorder()


@pytest.fixture
def clock() -> Clock:
    return Clock(100.0)


@pytest.fixture
async def database(settings: Settings, recorder: Recorder) -> AsyncIterator[Database]:
    database = open_database(settings, recorder.database)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
async def sink(tmp_path: Path, recorder: Recorder) -> AsyncIterator[FileSink]:
    sink = FileSink(tmp_path / "logs" / "log", recorder)
    await sink.open()
    yield sink
    await sink.close()


@pytest.fixture
def health(settings: Settings, recorder: Recorder, database: Database, sink: FileSink, clock: Clock) -> Health:
    return Health(settings, recorder, database=database, storage=sink, log_service=sink, clock=clock)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


def state(health: Health, recorder: Recorder) -> tuple[bool, tuple[str, ...]]:
    """Readiness and its reasons; the metric must say the same."""
    assert sample(recorder, READY) == float(health.ready)
    return health.ready, health.faults


def test_an_instance_begins_unready(health: Health, recorder: Recorder) -> None:
    assert state(health, recorder) == (False, ("starting",))


async def test_once_opened_it_is_ready(health: Health, recorder: Recorder) -> None:
    async with health.watching():
        health.set_ready()
        assert state(health, recorder) == (True, ())


def test_draining_and_stopping_are_not_ready(health: Health, recorder: Recorder) -> None:
    health.set_ready()
    health.start_draining(1234.5)
    assert state(health, recorder) == (False, ("draining",))
    assert sample(recorder, "photo_api_drain_deadline_timestamp_seconds") == 1234.5
    health.set_stopping()
    assert state(health, recorder) == (False, ("draining", "stopping"))


def test_a_drain_that_began_while_starting_goes_on(health: Health, recorder: Recorder) -> None:
    health.start_draining(1234.5)
    health.set_ready()
    assert state(health, recorder) == (False, ("draining",))


async def test_dependencies_are_probed_before_the_first_answer(health: Health, recorder: Recorder) -> None:
    async with health.watching():
        assert orjson.loads(health.ready_body) == {
            "status": "ok",
            "dependencies": {"database": "up", "object_storage": "up", "log_service": "up"},
        }
        for dependency in ("database", "object_storage", "log_service"):
            assert sample(recorder, UP, dependency=dependency) == 1


async def test_a_shared_dependency_that_is_away_leaves_the_instance_ready_and_degraded(
    health: Health, recorder: Recorder, tmp_path: Path
) -> None:
    async with health.watching():
        health.set_ready()
        logs = tmp_path / "logs"
        for file in logs.iterdir():
            file.unlink()
        logs.rmdir()
        logs.touch()  # a file where the directory should be
        await until(lambda: sample(recorder, UP, dependency="log_service") == 0)
        assert state(health, recorder) == (True, ())
        body = orjson.loads(health.ready_body)
        assert (body["status"], body["dependencies"]["log_service"]) == ("degraded", "down")
        logs.unlink()
        await until(lambda: sample(recorder, UP, dependency="log_service") == 1)
        await until(lambda: orjson.loads(health.ready_body)["status"] == "ok")


async def test_a_database_that_is_away_is_degraded_too(health: Health, recorder: Recorder, database: Database) -> None:
    async with health.watching():
        health.set_ready()
        await database.close()
        await until(lambda: sample(recorder, UP, dependency="database") == 0)
        assert state(health, recorder) == (True, ())


async def set_revision(database: Database, *statements: str) -> None:
    async with database.transaction() as transaction:
        for statement in statements:
            await transaction.execute(statement)


async def test_a_schema_that_was_never_migrated_is_behind(
    health: Health, recorder: Recorder, database: Database
) -> None:
    await set_revision(database, "DROP TABLE alembic_version")
    async with health.watching():
        health.set_ready()
        assert state(health, recorder) == (False, ("schema_behind",))
        assert sample(recorder, UP, dependency="database") == 1


async def test_a_schema_behind_is_over_when_it_was_migrated(
    health: Health, recorder: Recorder, database: Database
) -> None:
    await set_revision(database, "DELETE FROM alembic_version")
    async with health.watching():
        health.set_ready()
        assert state(health, recorder) == (False, ("schema_behind",))
        await set_revision(database, "INSERT INTO alembic_version (version_num) VALUES ('0001')")
        await until(lambda: health.ready)


async def test_a_newer_schema_is_not_behind(health: Health, recorder: Recorder, database: Database) -> None:
    """The next version has migrated; this one goes on until it is replaced, or a deployment would be an outage."""
    await set_revision(database, "UPDATE alembic_version SET version_num = 'next'")
    async with health.watching():
        health.set_ready()
        assert state(health, recorder) == (True, ())


def test_a_stalled_loop_is_unready_until_it_was_in_time_for_a_while(
    health: Health, recorder: Recorder, clock: Clock
) -> None:
    health.set_ready()
    health.woke_late(STALLED_SECONDS - 0.1)
    assert state(health, recorder) == (True, ())
    health.woke_late(STALLED_SECONDS)
    assert state(health, recorder) == (False, ("loop_stalled",))
    clock.now += STALLED_SECONDS - 0.1
    health.woke_late(0.001)
    assert state(health, recorder) == (False, ("loop_stalled",))
    clock.now += 0.2
    health.woke_late(0.001)
    assert state(health, recorder) == (True, ())


async def test_the_watch_tells_how_late_the_loop_wakes(
    settings: Settings, recorder: Recorder, database: Database, sink: FileSink
) -> None:
    health = Health(settings, recorder, database=database, storage=sink, log_service=sink)
    async with health.watching():
        await until(lambda: (sample(recorder, "photo_api_event_loop_lag_seconds_total") or 0) > 0)
