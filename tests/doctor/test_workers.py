"""Several processes behind one port, and what is none of that."""

import asyncio

from tests.doctor.services import DRILL, running, until

from photo_monitoring.doctor.diagnosis import examine
from photo_monitoring.doctor.exposition import Page, read_page
from photo_monitoring.doctor.looking import look
from photo_monitoring.doctor.outcome import Outcome, Status
from photo_monitoring.doctor.workers import SCRAPES, proof
from photo_monitoring.doctor.workers import look as scrape_often


def page(start: float | None = None, **counters: float) -> Page:
    """A page with counters, and a process's start where one is given."""
    lines = [f"# TYPE {name} counter\n{name} {value}" for name, value in counters.items()]
    if start is not None:
        lines.append(f"# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {start}")
    return read_page("\n".join(lines) or "# TYPE up gauge")


def test_two_workers_behind_one_port_make_every_criterion_of_the_service_wrong() -> None:
    with running("instrumentator_service:app", options=("--workers", "2")) as (service,):
        found: dict[str, Outcome] = {}

        def both_are_met() -> bool:
            verdicts = examine(asyncio.run(look([service.metrics], None, DRILL, 60)))
            found.update((one.name, one.outcome) for one in verdicts)
            return found["requests/warning"].status is Status.WRONG

        until(both_are_met, "an answer of the second worker, once it has started", [service])
    wrong = found["requests/warning"]
    assert wrong.status is Status.WRONG
    assert [cause.kind for cause in wrong.causes] == ["several-workers"]
    assert f"several processes answer at {service.metrics}" in wrong.causes[0].what.en
    # Nothing of these is read from the page.
    assert found["pipeline/none"].status is Status.LIVE


def test_a_start_time_that_changes_back_is_another_process() -> None:
    assert proof([page(1.0), page(2.0), page(1.0)]) == "process_start_time_seconds = 1.00, 2.00"


def test_a_start_time_that_changes_once_is_a_restart() -> None:
    assert proof([page(1.0, hits=9), page(1.0, hits=9), page(2.0, hits=0), page(2.0, hits=1)]) is None


def test_counters_that_fall_again_and_again_are_of_several_processes_where_no_start_is_told() -> None:
    assert proof([page(hits=9), page(hits=2), page(hits=10), page(hits=3)]) == "hits: 9 → 2, 10 → 3"
    assert proof([page(hits=9), page(hits=2), page(hits=3), page(hits=4)]) is None


def test_counters_that_come_and_go_are_of_several_processes_where_no_start_is_told() -> None:
    assert proof([page(hits=1), page(misses=1), page(hits=1)]) == "hits: ✓ → – → ✓"
    assert proof([page(misses=1), page(hits=1, misses=1), page(hits=1)]) is None


def test_series_of_one_process_may_come_and_go() -> None:
    assert proof([page(1.0, hits=1), page(1.0), page(1.0, hits=1)]) is None


async def test_one_process_is_scraped_a_bounded_number_of_times() -> None:
    scrapes = 0

    async def scrape() -> Page:
        nonlocal scrapes
        scrapes += 1
        return page(1.0)

    assert (await scrape_often(scrape)).workers is None
    assert scrapes == SCRAPES
