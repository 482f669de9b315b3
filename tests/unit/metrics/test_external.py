from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from photo_metrics import record_external_request

if TYPE_CHECKING:
    from collections.abc import Generator

    from photo_metrics import Recorder

    from .conftest import Page

ERRORS = "photo_api_external_request_errors_total"
COUNT = "photo_api_external_request_duration_seconds_count"
BY_OPERATION = "photo_api_external_operation_duration_seconds_count"
IN_FLIGHT = "photo_api_external_requests_in_flight"


def test_a_success_is_timed_and_no_error(recorder: Recorder, page: Page) -> None:
    with recorder.external_request("object_storage", operation="upload"):
        assert page.value(IN_FLIGHT, service="object_storage") == 1
    assert page.value(COUNT, service="object_storage") == 1
    assert page.value(BY_OPERATION, service="object_storage", operation="upload") == 1
    assert page.value(ERRORS, service="object_storage") == 0
    assert page.value(IN_FLIGHT, service="object_storage") == 0


def test_a_failure_is_timed_counted_and_raised(recorder: Recorder, page: Page) -> None:
    with pytest.raises(OSError, match="away"), recorder.external_request("log_service", operation="send"):
        raise OSError("away")
    assert page.value(COUNT, service="log_service") == 1
    assert page.value(ERRORS, service="log_service") == 1
    assert page.value(IN_FLIGHT, service="log_service") == 0


def test_an_error_that_is_no_exception_can_be_told(recorder: Recorder, page: Page) -> None:
    with recorder.external_request("cdn", operation="token") as request:
        request.failed()
    assert page.value(ERRORS, service="cdn") == 1


def test_an_exception_after_failed_counts_once(recorder: Recorder, page: Page) -> None:
    def call() -> None:
        with recorder.external_request("cdn", operation="token") as request:
            request.failed()
            raise OSError("away")

    with pytest.raises(OSError, match="away"):
        call()
    assert page.value(ERRORS, service="cdn") == 1


async def test_a_time_out_around_the_block_is_an_error(recorder: Recorder, page: Page) -> None:
    async def call() -> None:
        with recorder.external_request("object_storage", operation="head"):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(call(), timeout=0.01)
    assert page.value(ERRORS, service="object_storage") == 1


def test_a_generator_closed_early_is_no_error(recorder: Recorder, page: Page) -> None:
    def chunks() -> Generator[bytes, None, None]:
        with recorder.external_request("object_storage", operation="download"):
            yield b"chunk"

    stream = chunks()
    next(stream)
    stream.close()
    assert page.value(COUNT, service="object_storage") == 1
    assert page.value(ERRORS, service="object_storage") == 0


def test_the_guides_name_does_the_same(recorder: Recorder, page: Page) -> None:
    with record_external_request(recorder, "cdn", "token"):
        pass
    assert page.value(COUNT, service="cdn") == 1
