"""The log services that the contract holds for; each new one is another parameter."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import orjson
import pytest
from tests.support.logncrash import APP_KEY, LogNCrash, running_logncrash
from tests.support.samples import new_recorder

from photo_api.config import Settings
from photo_api.logs.backends import open_log_queue
from photo_api.logs.logncrash import LogNCrashSink
from photo_api.logs.queue import LogQueue
from photo_api.logs.sink import FileSink, LogSink
from photo_metrics import Recorder


class LogService(Protocol):
    """One log service, seen from both sides."""

    settings: Settings

    def sink(self, recorder: Recorder) -> LogSink:
        """A new sink that sends there, not opened yet."""
        ...

    async def taken(self) -> list[str]:
        """The events that arrived, in order."""
        ...

    async def go_away(self) -> None:
        """Take nothing from now on."""
        ...

    async def come_back(self) -> None:
        """Be as before."""
        ...


class FileService:
    """The file; away while something else lies where its directory should be."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory / "logs"
        self._file = self._directory / "photo-api.jsonl"
        self.settings = Settings(data_dir=directory, log_queue_capacity=1_000)

    def sink(self, recorder: Recorder) -> LogSink:
        return FileSink(self._file, recorder)

    async def taken(self) -> list[str]:
        lines = self._file.read_bytes().splitlines() if self._file.exists() else []
        return [orjson.loads(line)["event"] for line in lines]

    async def go_away(self) -> None:
        if self._directory.exists():
            self._directory.rename(self._directory.with_name("aside"))
        self._directory.touch()

    async def come_back(self) -> None:
        self._directory.unlink()
        if (aside := self._directory.with_name("aside")).exists():
            aside.rename(self._directory)


class LogNCrashService:
    """The local Log & Crash Search; away while it answers 503."""

    def __init__(self, server: LogNCrash, directory: Path) -> None:
        self._server = server
        self.settings = Settings.model_validate(
            {
                "data_dir": directory,
                "log_queue_capacity": 1_000,
                "log_service": "logncrash",
                "logncrash_url": server.url,
                "logncrash_app_key": APP_KEY,
                "breaker_open_seconds": 0.05,
            }
        )

    def sink(self, recorder: Recorder) -> LogSink:
        return LogNCrashSink(self.settings, recorder)

    async def taken(self) -> list[str]:
        return [entry["body"] for entry in await self._server.taken()]

    async def go_away(self) -> None:
        await self._server.fault(status=503)

    async def come_back(self) -> None:
        await self._server.fault()


@pytest.fixture
def recorder() -> Recorder:
    return new_recorder()


@pytest.fixture(params=["file", "logncrash"])
async def log_service(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LogService]:
    if request.param == "file":
        yield FileService(tmp_path)
        return
    async with running_logncrash() as server:
        yield LogNCrashService(server, tmp_path)


@pytest.fixture
async def sink(log_service: LogService, recorder: Recorder) -> AsyncIterator[LogSink]:
    sink = log_service.sink(recorder)
    await sink.open()
    yield sink
    await sink.close()


@pytest.fixture
def queue(log_service: LogService, recorder: Recorder) -> LogQueue:
    """The queue that the service's settings ask for; not opened yet."""
    return open_log_queue(log_service.settings, recorder)
