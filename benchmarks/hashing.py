"""What password hashing costs everybody else: a read's median while wrong logins come in at a steady rate."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from benchmarks.client import Client, picture
from benchmarks.measure import Result, Target, photo_api, wrk

_LOGINS_PER_SECOND = 20


@contextmanager
def _wrong_logins(url: str, email: str) -> Iterator[list[int]]:
    """Send wrong logins, evenly paced, until the block ends; the statuses that came back."""
    statuses: list[int] = []
    done = threading.Event()

    def send(number: int) -> None:
        answer = httpx.post(
            f"{url}/auth/login", json={"email": email, "password": f"wrong password {number}"}, timeout=30
        )
        statuses.append(answer.status_code)

    def pace() -> None:
        senders, started = [], time.monotonic()
        for number in range(60 * _LOGINS_PER_SECOND):
            if done.wait(max(0.0, started + number / _LOGINS_PER_SECOND - time.monotonic())):
                break
            sender = threading.Thread(target=send, args=(number,))
            sender.start()
            senders.append(sender)
        for sender in senders:
            sender.join()

    pacer = threading.Thread(target=pace)
    pacer.start()
    try:
        yield statuses
    finally:
        done.set()
        pacer.join()


def run(seconds: float) -> list[Result]:
    """Median of ``GET /photos/{photo_id}`` at one connection's pace, quiet and under 20 wrong logins a second."""
    with photo_api(core=None) as (url, pid):
        client = Client(url)
        upload = client.presign(100_000)
        client.put(upload, picture(100_000))
        target = Target(f"{url}/photos/{client.confirm(upload)}", pid, client.headers)
        wrk(target, seconds=1, connections=4)
        quiet = wrk(target, seconds=seconds, connections=4)
        with _wrong_logins(url, client.email) as statuses:
            time.sleep(0.5)
            busy = wrk(target, seconds=seconds, connections=4)
    if set(statuses) != {401}:
        raise RuntimeError(f"the wrong logins were answered {set(statuses)}, not 401")
    ratio = busy.p50_ms / quiet.p50_ms
    figures: dict[str, float | str] = {
        "median, busy / quiet": round(ratio, 2),
        "wrong logins a second": round(len(statuses) / (seconds + 0.5), 1),
    }
    return [Result("reads under 20 wrong logins a second", "the median less than doubles", ratio < 2, figures)]
