"""The contract that the local Log & Crash Search enforces."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from tests.support.logncrash import APP_KEY, LogNCrash, running_logncrash

ENTRY = {"projectName": APP_KEY, "projectVersion": "1.0.0", "logVersion": "v2", "body": "text"}


@pytest.fixture
async def server() -> AsyncIterator[LogNCrash]:
    async with running_logncrash() as server:
        yield server


async def test_one_entry_is_answered_by_a_header(server: LogNCrash) -> None:
    header = {"isSuccessful": True, "resultCode": 0, "resultMessage": "Success"}
    assert await server.post(ENTRY) == (200, {"header": header})
    assert await server.taken() == [ENTRY]


async def test_a_bulk_is_answered_entry_by_entry_and_its_header_says_success(server: LogNCrash) -> None:
    status, answer = await server.post([ENTRY, ENTRY | {"logVersion": "v1"}])
    assert (status, answer["header"]["isSuccessful"]) == (200, True)
    assert answer["body"]["data"] == {
        "total": 2,
        "errors": 1,
        "resultList": [
            {"isSuccessful": True, "resultMessage": "Success"},
            {"isSuccessful": False, "resultMessage": "LogVersion Mismatch: v1, /v2/log"},
        ],
    }
    assert await server.taken() == [ENTRY]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"projectName": "another"}, "The project(another) is not registered"),
        ({"projectVersion": "1 0"}, "projectVersion has other characters"),
        ({"_key": "x"}, "must begin with a letter"),
        ({"a key": "x"}, "must begin with a letter"),
        ({"longSize": "1"}, "longSize must be a long"),
        ({"longSize": 1.5}, "longSize must be a long"),
        ({"doubleShare": "1"}, "doubleShare must be a double"),
        ({"lncBulkIndex": "1"}, "lncBulkIndex must be a long"),
        ({"custom": 1}, "custom must be a string"),
        ({"custom": "x" * 1_025}, "custom is beyond 1024 bytes"),
        ({"txtLong": "x" * 1_048_577}, "txtLong is beyond 1048576 bytes"),
        ({"sendTime": "now"}, "sendTime must be a Unix time"),
        ({"body": "x" * 8_388_608}, "a log is beyond 8 MB"),
    ],
)
async def test_an_entry_against_the_contract_is_refused(server: LogNCrash, fields: dict[str, Any], reason: str) -> None:
    status, answer = await server.post(ENTRY | fields)
    assert (status, answer["header"]["isSuccessful"]) == (200, False)
    assert reason in answer["header"]["resultMessage"]
    assert await server.taken() == []


async def test_a_request_beyond_its_limit_is_refused(server: LogNCrash) -> None:
    status, answer = await server.post(b"[" + b" " * 52_000_000 + b"]")
    assert (status, answer["header"]["isSuccessful"]) == (413, False)


async def test_what_is_no_json_is_refused(server: LogNCrash) -> None:
    status, answer = await server.post(b"{")
    assert (status, answer["header"]["isSuccessful"]) == (400, False)


async def test_it_keeps_no_more_than_it_says(server: LogNCrash) -> None:
    for _ in range(5):
        await server.post([ENTRY | {"body": "x" * 8_000_000}])
    assert len(await server.taken()) == 4


async def test_entries_can_be_searched_and_forgotten(server: LogNCrash) -> None:
    await server.post([ENTRY, ENTRY | {"body": "wanted"}])
    async with aiohttp.ClientSession(server.url) as session:
        async with session.get("/-/logs", params={"containing": "wanted"}) as answer:
            assert await answer.json() == {"taken": 2, "logs": [ENTRY | {"body": "wanted"}]}
        async with session.delete("/-/logs") as answer:
            assert answer.status == 200
    assert await server.taken() == []
