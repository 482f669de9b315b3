"""Real servers for every test that wants one, started once a session on free loopback ports; and two lanes of tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.stack.shared import shared_stack, stack
from tests.support import seaweedfs, swift
from tests.support.lanes import pytest_configure, pytest_runtest_setup, pytest_xdist_make_scheduler
from tests.support.postgresql import new_database, running_postgresql
from tests.support.s3 import Bucket
from tests.support.seaweedfs import SeaweedFs, running_seaweedfs
from tests.support.swift import Swift, running_swift

# Tests of the stack, of its dashboards and of its console look at the same one.
__all__ = ["pytest_configure", "pytest_runtest_setup", "pytest_xdist_make_scheduler", "shared_stack", "stack"]


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """A PostgreSQL server; the URL of its maintenance database."""
    with running_postgresql() as url:
        yield url


@pytest.fixture(scope="session")
def seaweedfs_server() -> Iterator[SeaweedFs]:
    """A SeaweedFS; who stops it starts it again."""
    with running_seaweedfs() as server:
        yield server


@pytest.fixture(scope="session")
def shared_swift_bucket(swift_server: Swift) -> Bucket:
    """The bucket that the tests of S3 share on Swift."""
    bucket = Bucket("swift", swift_server, swift_server.url, swift.USER, swift_server.password, "s3-photos")
    bucket.make()
    return bucket


@pytest.fixture(scope="session")
def shared_seaweedfs_bucket(seaweedfs_server: SeaweedFs) -> Bucket:
    """The bucket that the tests of S3 share on SeaweedFS, where a new one costs a quarter of a second."""
    owner = (seaweedfs.ACCESS_KEY_ID, seaweedfs_server.secret_access_key)
    bucket = Bucket("seaweedfs", seaweedfs_server, seaweedfs_server.url, *owner, "s3-photos")
    bucket.make()
    return bucket


@pytest.fixture
def swift_bucket(shared_swift_bucket: Bucket) -> Bucket:
    """It, without what another test left unsealed."""
    shared_swift_bucket.sweep()
    return shared_swift_bucket


@pytest.fixture
def seaweedfs_bucket(shared_seaweedfs_bucket: Bucket) -> Bucket:
    """It, without what another test left unsealed."""
    shared_seaweedfs_bucket.sweep()
    return shared_seaweedfs_bucket


@pytest.fixture
def postgresql_url(postgresql_server: str) -> str:
    """An empty database of the test's own."""
    return new_database(postgresql_server)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database: the test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'photo-api.sqlite3'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture(scope="session")
def swift_server() -> Iterator[Swift]:
    """An OpenStack Swift that stays; each test takes a container of its own."""
    with running_swift() as swift:
        yield swift


@pytest.fixture(scope="session")
def stopping_swift() -> Iterator[Swift]:
    """Another one, that tests stop, and start again before they end."""
    with running_swift() as swift:
        yield swift
