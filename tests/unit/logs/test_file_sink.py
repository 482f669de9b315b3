"""The file that stands in for a log service."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.samples import new_recorder

from photo_api.logs.sink import FileSink, LogSinkUnavailable

WRITER = """
import asyncio, sys
from pathlib import Path
from photo_api.logs.sink import FileSink
from tests.support.samples import new_recorder
async def main():
    sink = FileSink(Path(sys.argv[1]), new_recorder(), rotate_bytes=int(sys.argv[3]))
    await sink.open()
    for _ in range(100):
        await sink.send([sys.argv[2].encode() * 200] * 50)
    await sink.close()
asyncio.run(main())
"""


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[FileSink]:
    sink = FileSink(tmp_path / "log", new_recorder(), rotate_bytes=1_000)
    await sink.open()
    yield sink
    await sink.close()


def write_from_two_processes(path: Path, rotate_bytes: int) -> None:
    root = Path(__file__).parents[3]
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), letter, str(rotate_bytes)], cwd=root)
        for letter in "ab"
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]


def test_lines_of_several_processes_do_not_mix(tmp_path: Path) -> None:
    write_from_two_processes(tmp_path / "log", 1 << 30)
    found = (tmp_path / "log").read_bytes().splitlines()
    assert sorted(found) == [b"a" * 200] * 5_000 + [b"b" * 200] * 5_000


def test_several_processes_rotate_one_file(tmp_path: Path) -> None:
    write_from_two_processes(tmp_path / "log", 150_000)
    assert sorted(path.name for path in tmp_path.iterdir()) in (["log", "log.1"], ["log.1"])
    assert (tmp_path / "log.1").stat().st_size >= 150_000
    assert {len(line) for line in (tmp_path / "log.1").read_bytes().splitlines()} == {200}


async def test_a_grown_file_is_renamed_and_a_new_one_begun(sink: FileSink, tmp_path: Path) -> None:
    await sink.send([b"x" * 1_200])
    await sink.send([b"new"])
    assert (tmp_path / "log").read_bytes() == b"new\n"
    assert (tmp_path / "log.1").read_bytes() == b"x" * 1_200 + b"\n"


async def test_the_file_is_not_for_everyone_to_read(sink: FileSink, tmp_path: Path) -> None:
    await sink.send([b"x"])
    assert (tmp_path / "log").stat().st_mode & 0o007 == 0


async def test_a_file_that_was_moved_away_is_begun_anew(sink: FileSink, tmp_path: Path) -> None:
    """As logrotate does."""
    await sink.send([b"one"])
    (tmp_path / "log").rename(tmp_path / "elsewhere")
    await sink.send([b"two"])
    assert (tmp_path / "log").read_bytes() == b"two\n"


async def test_a_torn_line_does_not_spoil_the_next_batch(tmp_path: Path) -> None:
    """A disk that fills up takes a part; here a limit of the file's size does the same."""
    sink = FileSink(tmp_path / "log", new_recorder())
    await sink.open()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50, before[1]))
        with pytest.raises(LogSinkUnavailable):
            await sink.send([b"a" * 30, b"b" * 30])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    await sink.send([b"a" * 30, b"b" * 30])
    await sink.close()
    assert (tmp_path / "log").read_bytes().splitlines() == [b"a" * 30, b"b" * 19, b"a" * 30, b"b" * 30]


async def test_a_send_given_up_lets_the_next_wait_for_its_turn(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    sink = FileSink(tmp_path / "log", new_recorder())
    await sink.open()
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sink.send([b"x"]), 0.05)
    with (tmp_path / "log").open("rb") as reader:
        await asyncio.wait_for(sink.send([b"y"]), 10)
        assert reader.read(4) == b"x\ny\n"
    await sink.close()


async def test_a_closed_sink_says_so(tmp_path: Path) -> None:
    with pytest.raises(LogSinkUnavailable):
        await FileSink(tmp_path / "log", new_recorder()).send([b"x"])
