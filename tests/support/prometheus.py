"""A real Prometheus for tests: started on a free port, filled by remote write, asked over its API."""

import http.client
import json
import os
import shutil
import signal
import struct
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import orjson
from numpy.typing import NDArray
from tests.support.ports import free_port, wait_until

Floats = NDArray[np.float64]
Millis = NDArray[np.int64]

STALE: float = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
"""The NaN by which Prometheus ends a series (its staleness marker)."""

_TIMEOUT_SECONDS = 120
_TIMESTAMP_BYTES = 6
_PER_REQUEST = 400_000


@dataclass(frozen=True, slots=True)
class Series:
    """One series: its labels (`__name__` too), and its samples, times in milliseconds, ascending."""

    labels: Mapping[str, str]
    times: Millis
    values: Floats


class PrometheusError(Exception):
    """Prometheus refused a request; the message is its own."""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running Prometheus, by its port and process id."""

    port: int
    pid: int

    def write(self, series: Iterable[Series]) -> int:
        """Store samples by remote write, in requests of bounded size; how many there were."""
        batch: list[Series] = []
        waiting = written = 0
        for one in series:
            batch.append(one)
            waiting += len(one.times)
            if waiting >= _PER_REQUEST:
                written += self._send(batch)
                batch, waiting = [], 0
        return written + (self._send(batch) if batch else 0)

    def _send(self, batch: Sequence[Series]) -> int:
        body = _snappy(b"".join(_field(1, _time_series(one)) for one in batch))
        self._request("POST", "/api/v1/write", body, "application/x-protobuf")
        return sum(len(one.times) for one in batch)

    def query_range(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        """Evaluate an expression at start, start + step, … up to end (unix seconds)."""
        form = {"query": expr, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:g}"}
        return [_matrix_series(result) for result in self._query("query_range", form)]

    def query(self, expr: str, at: float | None = None) -> dict[tuple[tuple[str, str], ...], float]:
        """Evaluate an expression at one time (now): sorted labels → value."""
        form = {"query": expr} if at is None else {"query": expr, "time": f"{at:.3f}"}
        return {
            tuple(sorted(result["metric"].items())): float(result["value"][1]) for result in self._query("query", form)
        }

    def get(self, path: str) -> bytes:
        """Any page of its own."""
        return self._request("GET", path, b"", "text/plain")

    def _query(self, api: str, form: Mapping[str, str]) -> list[dict[str, Any]]:
        answer = self._request("POST", f"/api/v1/{api}", urlencode(form).encode(), "application/x-www-form-urlencoded")
        result: list[dict[str, Any]] = orjson.loads(answer)["data"]["result"]
        return result

    def _request(self, method: str, path: str, body: bytes, content_type: str) -> bytes:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT_SECONDS)) as connection:
            connection.request(method, path, body, {"Content-Type": content_type})
            answer = connection.getresponse()
            content = answer.read()
        if answer.status >= 300:
            raise PrometheusError(f"{path}: {answer.status} {content[:500].decode(errors='replace')}")
        return content

    def ready(self) -> bool:
        """Whether it answers queries."""
        try:
            self.get("/-/ready")
        except (OSError, PrometheusError):
            return False
        return True


@contextmanager
def running_prometheus(
    folder: Path, config: Mapping[str, Any] | None = None, options: Sequence[str] = (), prefix: Sequence[str] = ()
) -> Iterator[Prometheus]:
    """Prometheus with its files in `folder`, until the block's end; `prefix` is put before its command."""
    program = shutil.which("prometheus")
    if program is None:
        raise FileNotFoundError("prometheus is missing: sudo apt-get install --no-install-recommends prometheus")
    # YAML holds JSON.
    (folder / "prometheus.yml").write_text(json.dumps(config or {}), encoding="utf-8")
    port = free_port()
    command = [
        *prefix,
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
        "--log.level=warn",
        *([] if any("retention" in option for option in options) else ["--storage.tsdb.retention.time=10y"]),
        *options,
    ]
    log = folder / "prometheus.log"
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, "NO_PROXY": "127.0.0.1"})
    prometheus = Prometheus(port, server.pid)
    try:
        wait_until(lambda: prometheus.ready() or server.poll() is not None, "Prometheus' readiness", seconds=60)
        if server.poll() is not None:
            raise RuntimeError(f"prometheus ended: {log.read_text()[-2000:]}")
        yield prometheus
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(5)


def _matrix_series(result: Mapping[str, Any]) -> Series:
    points = result["values"]
    times = np.fromiter((round(point[0] * 1000) for point in points), np.int64, len(points))
    return Series(result["metric"], times, np.fromiter((float(point[1]) for point in points), np.float64, len(points)))


# The remote write protocol 1.0: a protobuf message in snappy's block format.


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _time_series(series: Series) -> bytes:
    labels = b"".join(
        _field(1, _field(1, name.encode()) + _field(2, value.encode())) for name, value in sorted(series.labels.items())
    )
    return labels + _samples(series.times, series.values)


def _samples(times: Millis, values: Floats) -> bytes:
    """Every sample as a field of 18 bytes: times of our age take six bytes as a varint, so all are of one length."""
    out = np.empty((len(times), 18), np.uint8)
    out[:, 0:3] = 0x12, 16, 0x09  # samples = 2, of 16 bytes; value = 1, a double
    out[:, 3:11] = values.astype("<f8").view(np.uint8).reshape(-1, 8)
    out[:, 11] = 0x10  # timestamp = 2, a varint
    for index in range(_TIMESTAMP_BYTES):
        more = 0x80 if index + 1 < _TIMESTAMP_BYTES else 0
        out[:, 12 + index] = times >> 7 * index & 0x7F | more
    return out.tobytes()


def _snappy(content: bytes) -> bytes:
    """One literal: Prometheus wants snappy, and on this machine there is nothing to save."""
    return _varint(len(content)) + b"\xfc" + struct.pack("<I", len(content) - 1) + content
