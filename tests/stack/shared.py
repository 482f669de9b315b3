"""One running stack for all tests that do not end it: fixtures for the conftest of all tests."""

from collections.abc import Iterator

import pytest
from tests.stack.running import Stack, clean_environment, started

# Durations of rules and waits of Alertmanager are divided by this: ServiceDown's minute becomes six seconds.
TIME_SCALE = "10"


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    # The business totals, too, are read that much more often.
    env = clean_environment(PHOTO_API_BUSINESS_METRICS_INTERVAL_SECONDS="6")
    with started(tmp_path_factory.mktemp("stack"), "--time-scale", TIME_SCALE, "--lang", "en", env=env) as stack:
        yield stack


@pytest.fixture
def stack(shared_stack: Stack) -> Iterator[Stack]:
    """The shared stack with everything running, before the test and after."""
    yield shared_stack
    for name, part in shared_stack.document["components"].items():
        if part["state"] != "running":
            result = shared_stack.command("start", name)
            assert result.returncode == 0, result.stderr
    shared_stack.wait_until_all_run()
