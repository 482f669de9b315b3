"""Two lanes for `make test`, one a core: what talks to servers in one, what only computes in the other.

No two stacks run side by side then, and time limits can be tight; what computes steps aside. pytest-xdist would group
by marks, which pytest 9.2 hides from it: it changes a name that is no longer the one that is read.
"""

import os
from typing import Literal

import pytest
from xdist.scheduler import LoadScopeScheduling

Lane = Literal["computing", "servers"]

_COMPUTING = ("tests/dashboards/", "tests/monitoring/", "tests/rules/", "tests/unit/")
_SERVERS_AMONG_THEM = ("tests/dashboards/test_live.py",)


def lane_of(nodeid: str) -> Lane:
    """Which lane a test belongs to, by its file."""
    computes = nodeid.startswith(_COMPUTING) and not nodeid.startswith(_SERVERS_AMONG_THEM)
    return "computing" if computes else "servers"


class TwoLanes(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """Gives each lane to one process, in the order in which its tests were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return lane_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> TwoLanes:
    """Use the lanes wherever tests run in several processes."""
    return TwoLanes(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give each process a temporary directory of its own: one below the other's is too long a name for sockets."""
    if hasattr(config, "workerinput"):
        config.option.basetemp = None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let servers go first: what only computes has no time limits that matter."""
    if "PYTEST_XDIST_WORKER" in os.environ and lane_of(item.nodeid) == "computing":
        os.setpriority(os.PRIO_PROCESS, 0, 10)
