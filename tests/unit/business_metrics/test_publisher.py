"""Publishing the totals, from both databases."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.postgresql import new_database
from tests.support.samples import new_recorder, sample

from photo_api.business_metrics.models import SHARDS
from photo_api.business_metrics.publisher import BusinessMetricsPublisher
from photo_api.business_metrics.repository import LARGEST
from photo_api.business_metrics.totals import ACTIVE_DAYS, LARGEST_USERS, Change, apply, move_active_day
from photo_api.config import Settings
from photo_api.database import Database, open_database
from photo_api.database.migrate import migrate
from photo_metrics import Recorder

SUCCESS = "photo_api_business_metrics_last_success_timestamp_seconds"
TODAY = 20_000


@pytest.fixture(scope="module")
def postgresql(postgresql_server: str) -> str:
    """A database for all of them: each cleans up behind itself."""
    url = new_database(postgresql_server)
    migrate(url)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "postgresql":
        return Settings(data_dir=tmp_path, database_url=request.getfixturevalue("postgresql"))
    settings = Settings(data_dir=tmp_path)
    migrate(settings.resolved_database_url)
    return settings


@pytest.fixture
def recorder() -> Recorder:
    return new_recorder()


@pytest.fixture
async def database(settings: Settings, recorder: Recorder) -> AsyncIterator[Database]:
    database = open_database(settings, recorder.database)
    await database.open()
    yield database
    async with database.transaction() as transaction:
        for statement in (
            "DELETE FROM users",
            "DELETE FROM active_user_days",
            "DELETE FROM totals",
            *(f"INSERT INTO totals (shard) VALUES ({shard})" for shard in range(SHARDS)),  # noqa: S608 - a number
        ):
            await transaction.execute(statement)
    await database.close()


@pytest.fixture
def publisher(settings: Settings, database: Database, recorder: Recorder) -> BusinessMetricsPublisher:
    return BusinessMetricsPublisher(settings, database, recorder, day=lambda: TODAY)


async def add_user(database: Database, user_id: str, photo_bytes: int = 0) -> None:
    async with database.transaction() as transaction:
        await transaction.execute(
            "INSERT INTO users (id, email, username, password_hash, created_ms, photo_bytes)"
            " VALUES ($1, $2, $3, 'x', 0, $4)",
            user_id,
            f"{user_id}@example.com",
            user_id,
            photo_bytes,
        )


async def test_totals_are_the_sums_over_all_shards(
    publisher: BusinessMetricsPublisher, database: Database, recorder: Recorder
) -> None:
    change = Change(
        users=1, albums=2, albums_shared=1, photos=3, photo_bytes=5_000_000_000, share_links=4, share_links_active=2
    )
    for number in range(50):
        async with database.transaction() as transaction:
            await apply(transaction, f"user-{number}", change)
    await publisher.publish()
    assert sample(recorder, "photo_api_users_total", status="total") == 50
    assert sample(recorder, "photo_api_albums_total", type="total") == 100
    assert sample(recorder, "photo_api_albums_total", type="shared") == 50
    assert sample(recorder, "photo_api_photos_total") == 150
    assert sample(recorder, "photo_api_share_links_total", status="total") == 200
    assert sample(recorder, "photo_api_share_links_total", status="active") == 100
    assert sample(recorder, "photo_api_object_storage_usage_bytes") == 250_000_000_000


async def test_active_users_logged_in_within_the_window(
    publisher: BusinessMetricsPublisher, database: Database, recorder: Recorder
) -> None:
    for user, day in (("a", TODAY), ("b", TODAY - ACTIVE_DAYS + 1), ("c", TODAY - ACTIVE_DAYS), ("d", TODAY)):
        async with database.transaction() as transaction:
            await move_active_day(transaction, user, None, day)
    async with database.transaction() as transaction:
        await move_active_day(transaction, "d", TODAY, None)  # disabled
    await publisher.publish()
    assert sample(recorder, "photo_api_users_total", status="active") == 2


async def test_days_out_of_the_window_are_removed(publisher: BusinessMetricsPublisher, database: Database) -> None:
    for day in (TODAY, TODAY - ACTIVE_DAYS, TODAY - 400):
        async with database.transaction() as transaction:
            await move_active_day(transaction, "a", None, day)
    await publisher.publish()
    rows = await database.fetch_all("SELECT day FROM active_user_days")
    assert [row["day"] for row in rows] == [TODAY]


async def test_the_largest_users_are_shown_and_the_rest_is_other(
    publisher: BusinessMetricsPublisher, database: Database, recorder: Recorder
) -> None:
    for number in range(LARGEST_USERS + 5):
        await add_user(database, f"user-{number}", 1_000 + number)
    async with database.transaction() as transaction:
        await apply(transaction, "x", Change(photo_bytes=sum(1_000 + n for n in range(LARGEST_USERS + 5))))
    await publisher.publish()
    by_user = "photo_api_object_storage_usage_by_user_bytes"
    assert sample(recorder, by_user, user_id="user-104") == 1_104
    assert sample(recorder, by_user, user_id="user-5") == 1_005
    assert sample(recorder, by_user, user_id="user-4") is None
    assert sample(recorder, by_user, user_id="other") == sum(1_000 + n for n in range(5))


async def test_a_user_who_uploads_much_now_is_shown_though_others_have_more(
    publisher: BusinessMetricsPublisher, database: Database, recorder: Recorder
) -> None:
    for number in range(LARGEST_USERS):
        await add_user(database, f"user-{number}", 10**12)
    await add_user(database, "newcomer", 10**9)
    recorder.photo_confirmed("newcomer", 10**9)
    await publisher.publish()
    assert sample(recorder, "photo_api_object_storage_usage_by_user_bytes", user_id="newcomer") == 10**9


async def test_success_is_dated(publisher: BusinessMetricsPublisher, recorder: Recorder) -> None:
    before = time.time()
    await publisher.publish()
    assert before <= (sample(recorder, SUCCESS) or 0) <= time.time()


async def test_a_failure_leaves_the_last_values_and_their_date(
    publisher: BusinessMetricsPublisher, database: Database, recorder: Recorder
) -> None:
    async with database.transaction() as transaction:
        await apply(transaction, "a", Change(users=3))
    await publisher.publish()
    date = sample(recorder, SUCCESS)
    await database.close()
    try:
        await publisher.publish()
    finally:
        await database.open()
    assert sample(recorder, SUCCESS) == date
    assert sample(recorder, "photo_api_users_total", status="total") == 3


async def test_a_schema_that_was_never_migrated_is_no_end(tmp_path: Path, recorder: Recorder) -> None:
    (tmp_path / "empty.sqlite3").touch()
    settings = Settings(data_dir=tmp_path, database_url=f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    database = open_database(settings, recorder.database)
    await database.open()
    await BusinessMetricsPublisher(settings, database, recorder).publish()
    await database.close()
    assert sample(recorder, "photo_api_photos_total") is None


async def test_the_largest_users_come_from_their_index_without_sorting(tmp_path: Path, recorder: Recorder) -> None:
    settings = Settings(data_dir=tmp_path)
    migrate(settings.resolved_database_url)
    database = open_database(settings, recorder.database)
    await database.open()
    plan = await database.fetch_all(f"EXPLAIN QUERY PLAN {LARGEST}", LARGEST_USERS)
    await database.close()
    steps = " ".join(str(row["detail"]) for row in plan)
    assert "ix_users_photo_bytes" in steps
    assert "TEMP B-TREE" not in steps
