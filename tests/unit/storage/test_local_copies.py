"""Local copies of uploads: whole or not there, whatever the client and the disk do."""

import asyncio
import hashlib
import os
import threading
import time
from collections.abc import AsyncIterator
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from photo_api.config import ConfigurationError
from photo_api.errors import Unavailable
from photo_api.storage import local_copies
from photo_api.storage.local_copies import LocalCopies

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


@pytest.fixture
def copies(tmp_path: Path) -> LocalCopies:
    copies = LocalCopies(tmp_path / "downloads")
    copies.prepare()
    return copies


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count


async def test_a_copy_is_whole_readable_by_us_alone_and_gone_at_the_end(copies: LocalCopies, tmp_path: Path) -> None:
    async with copies.new() as draft:
        copy = await draft.fill(chunks(b"one", b"two" * 1_000_000))
        assert copy.path.read_bytes() == b"one" + b"two" * 1_000_000
        assert (copy.size, copy.sha256) == (3_000_003, hashlib.sha256(copy.path.read_bytes()).hexdigest())
        assert copy.path.stat().st_mode & 0o777 == 0o600
    assert list((tmp_path / "downloads").iterdir()) == []


async def test_a_disk_that_takes_nothing_is_unavailable(copies: LocalCopies, tmp_path: Path) -> None:
    (tmp_path / "downloads").rmdir()
    async with copies.new() as draft:
        with pytest.raises(Unavailable):
            await draft.fill(chunks(b"x"))


async def test_a_connection_that_breaks_is_not_taken_for_the_disk(copies: LocalCopies) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    async with copies.new() as draft:
        with pytest.raises(ConnectionResetError):
            await draft.fill(broken())


async def test_a_write_that_was_given_up_on_ends_before_its_file_is_closed(
    copies: LocalCopies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, closed = threading.Event(), threading.Event()
    failed: list[BaseException] = []

    class SlowFile(FileIO):
        def write(self, content: "ReadableBuffer", /) -> int:
            writing.set()
            closed.wait(0.2)  # as long as a write is under way, nobody closes
            try:
                return super().write(content)
            except ValueError as error:
                failed.append(error)
                raise

        def close(self) -> None:
            closed.set()
            super().close()

    monkeypatch.setattr(local_copies, "FileIO", SlowFile)
    before = open_files()

    async def copy() -> None:
        async with copies.new() as draft:
            await draft.fill(chunks(b"content"))

    copying = asyncio.create_task(copy())
    await asyncio.to_thread(writing.wait, 10)
    copying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await copying
    assert failed == []
    assert list((tmp_path / "downloads").iterdir()) == []
    assert open_files() == before


def test_what_a_killed_process_left_is_removed_when_it_is_old(copies: LocalCopies, tmp_path: Path) -> None:
    old, young = (tmp_path / "downloads" / name for name in ("old", "young"))
    for path in (old, young):
        path.write_text("half")
    os.utime(old, (time.time() - 100, time.time() - 100))
    copies.remove_older(50)
    assert list((tmp_path / "downloads").iterdir()) == [young]


def test_a_place_that_cannot_hold_copies_is_named_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "downloads").write_text("a file")
    with pytest.raises(ConfigurationError, match="PHOTO_API_DATA_DIR"):
        LocalCopies(tmp_path / "downloads").prepare()
