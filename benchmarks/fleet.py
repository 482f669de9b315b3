"""Metrics pages of many instances of the service, and of their hosts, from one process.

`/api/7/metrics` is the page of instance 7, from a `Recorder` of its own with the service's routes; `/node/7/metrics`
is the part of node_exporter's page that rules read. Every scrape moves the counters.
"""

import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any, Literal

from photo_api.app import create_app
from photo_api.config import Settings
from photo_metrics import BusinessTotals, Recorder, RouteTable, metrics_app
from photo_metrics.asgi import ASGIApp, Receive, Scope, Send

INSTANCES = "PHOTO_BENCH_INSTANCES"

_VALID: Literal["valid"] = "valid"
_REFUSING = 3  # every third route has refused something: with more, instances exceed their budget of series
_CLIENTS = 10
_USERS = 10
_CPUS = 8
_MODES = ("idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user")
_DISKS = (("/dev/vda1", "ext4", "/"), ("/dev/vdb", "xfs", "/data"), ("tmpfs", "tmpfs", "/run"))


class Instance:
    """One instance: what it records between two scrapes is what a busy one would, a few of each kind."""

    def __init__(self, number: int, routes: RouteTable) -> None:
        self._random = random.Random(number)
        self._routes = [(route.method, route.template) for route in routes.declared()]
        self.recorder = Recorder(app="photo-api", version="1.0.0", environment="production", node=f"node-{number}")
        self.recorder.declare_routes(routes)
        self.recorder.set_ready(True)
        self.recorder.collect_log_queue_size(lambda: 20)
        for dependency in ("database", "object_storage", "log_service"):
            self.recorder.dependency_up(dependency, up=True)
        self.page: ASGIApp = metrics_app(self.recorder)
        for client in range(_CLIENTS):
            for _ in range(100):
                self.recorder.rate_limit_checked("/share/{token}", allowed=False, client_id=f"10.0.{client}.0/24")
        for user in range(_USERS):
            self.recorder.photo_confirmed(f"user-{user}", 200_000_000)
        self.move()

    def move(self) -> None:
        """What happens between two scrapes."""
        recorder, chance = self.recorder, self._random
        for number, (method, template) in enumerate(self._routes):
            recorder.http.record(method, template, 200, chance.lognormvariate(-4, 1))
            if number % _REFUSING == 0:
                recorder.http.record(method, template, 404, 0.01)
        recorder.login(result="success", seconds=chance.lognormvariate(-2, 0.5))
        recorder.image_access(access_type="authenticated", result="success", seconds=chance.lognormvariate(-3, 1))
        recorder.image_access(access_type="shared", result="success", seconds=chance.lognormvariate(-3, 1))
        recorder.share_link_access(token_status=_VALID, result="success", seconds=0.02)
        recorder.share_link_image_access(token_status=_VALID, photo_in_album=True)
        noisy = f"10.0.{chance.randrange(_CLIENTS)}.0/24"
        recorder.brute_force_attempt(noisy)
        recorder.rate_limit_checked("/share/{token}", allowed=True, client_id="10.0.0.0/24")
        recorder.rate_limit_checked("/share/{token}", allowed=False, client_id=noisy)
        with recorder.external_request("object_storage", operation="download"):
            pass
        recorder.photo_confirmed(f"user-{chance.randrange(_USERS)}", 20_000_000)
        recorder.business_totals(
            BusinessTotals(
                users=10_000,
                users_active=5_000,
                albums=20_000,
                albums_shared=2_000,
                photos=1_000_000,
                share_links=3_000,
                share_links_active=1_000,
                object_storage_bytes=10**13,
                largest_users=[(f"large-{number}", 10**10) for number in range(100)],
            ),
            at=time.time(),
        )


def node_page(scrapes: int) -> str:
    """What rules read of node_exporter's page, at its so-manieth scrape."""
    lines = [
        f'node_cpu_seconds_total{{cpu="{cpu}",mode="{mode}"}} {scrapes * 1.8}'
        for cpu in range(_CPUS)
        for mode in _MODES
    ]
    lines += ["node_memory_MemAvailable_bytes 8e9", "node_memory_MemTotal_bytes 16e9"]
    for device, kind, mount in _DISKS:
        labels = f'{{device="{device}",fstype="{kind}",mountpoint="{mount}"}}'
        lines += [
            f"node_filesystem_avail_bytes{labels} {5e10 - scrapes}",
            f"node_filesystem_size_bytes{labels} 1e11",
            f"node_filesystem_files{labels} 6e6",
            f"node_filesystem_files_free{labels} 5e6",
            f"node_filesystem_readonly{labels} 0",
        ]
    for device in ("eth0", "eth1", "lo"):
        for direction in ("receive", "transmit"):
            lines.append(f'node_network_{direction}_bytes_total{{device="{device}"}} {scrapes * 2e8}')
    return "\n".join(lines) + "\n"


def balancer_page(scrapes: int) -> str:
    """What rules read of HAProxy's page."""
    return "".join(
        f'haproxy_frontend_http_responses_total{{proxy="photos",code="{code}"}} {scrapes * rate}\n'
        for code, rate in (("1xx", 0), ("2xx", 3000), ("3xx", 300), ("4xx", 100), ("5xx", 1))
    )


class Fleet:
    """The ASGI application that serves every page."""

    def __init__(self, instances: int) -> None:
        with tempfile.TemporaryDirectory(prefix="photo-api-bench-") as data:
            routes = RouteTable.from_fastapi(create_app(Settings(data_dir=Path(data))))
        self._instances = [Instance(number, routes) for number in range(instances)]
        self._scrapes: dict[str, int] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        kind, _, number = path.removesuffix("/metrics").strip("/").partition("/")
        scrapes = self._scrapes[path] = self._scrapes.get(path, 0) + 1
        if kind == "api":
            instance = self._instances[int(number)]
            instance.move()
            await instance.page({**scope, "path": "/metrics"}, receive, send)
        elif kind == "node":
            await _text(send, node_page(scrapes))
        else:
            await _text(send, balancer_page(scrapes))


async def _text(send: Send, page: str) -> None:
    headers: list[Any] = [(b"content-type", b"text/plain; version=0.0.4")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": page.encode()})


def fleet() -> Fleet:
    """As many instances as the environment says."""
    return Fleet(int(os.environ[INSTANCES]))
