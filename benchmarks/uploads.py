"""Presigning, and what a large upload and a large download add to the process."""

import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.client import Client, picture
from benchmarks.measure import Result, photo_api

from photo_api.config import Settings
from photo_api.secrets import load_secrets
from photo_api.storage.filesystem import FileSystemStorage
from photo_metrics import Recorder

_SIZE = 50 * 1024 * 1024


def run(seconds: float) -> list[Result]:
    """Both; how long they take follows from what they do, not from ``seconds``."""
    del seconds
    return [presigning(), *streaming()]


def presigning() -> Result:
    """Time to sign one upload URL, the embedded store's own."""
    with tempfile.TemporaryDirectory() as data:
        settings = Settings(data_dir=Path(data))
        recorder = Recorder(app="bench", version="0", environment="development", node="bench")
        storage = FileSystemStorage(settings, load_secrets(settings), recorder)
        count = 20_000
        started = time.perf_counter()
        for number in range(count):
            storage.presign_upload(f"{number:032x}", "image/jpeg", 1_000_000, 900)
        microseconds = (time.perf_counter() - started) / count * 1e6
    return Result("presigning", "under 100 µs", microseconds < 100, {"µs": round(microseconds, 1)})


def streaming() -> list[Result]:
    """An upload and a download of 50 MiB, after small ones have warmed the process up."""
    with photo_api({"PHOTO_API_MAX_PHOTO_BYTES": str(_SIZE)}) as (url, pid):
        client = Client(url)
        for _ in range(3):
            small = client.presign(200_000)
            client.put(small, picture(200_000))
            client.download(client.confirm(small))
        content = picture(_SIZE)
        large = client.presign(_SIZE)
        up = _growth_mib(pid, lambda: client.put(large, content))
        photo_id = client.confirm(large)
        down = _growth_mib(pid, lambda: client.download(photo_id))
    target = "adds under 10 MB to the process"
    return [
        Result("a streamed 50 MB upload", target, up < 10, {"MiB": round(up, 1)}),
        Result("a streamed 50 MB download", target, down < 10, {"MiB": round(down, 1)}),
    ]


def _resident_mib(pid: int) -> float:
    """Resident memory of a process (proc(5), statm)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _growth_mib(pid: int, act: Callable[[], object]) -> float:
    """By how much a process grew at its peak while ``act`` ran."""
    before = peak = _resident_mib(pid)
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.002):
            peak = max(peak, _resident_mib(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        act()
    finally:
        done.set()
        watcher.join()
    return peak - before
