"""Serving: one process, the API on one port, its metrics on another, and a drain before the end.

The usual servers close their listening socket first and shut down afterwards, so that no scrape ever reads
``photo_api_ready`` as 0. Here a SIGTERM turns the instance unready and **goes on serving** for ``drain_seconds``, in
which the load balancer and Prometheus notice; then it stops accepting, finishes what is in flight, and exits with 0.
"""

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Iterator

import structlog
import uvicorn
from starlette.types import ASGIApp

from photo_api.app import create_app, new_recorder
from photo_api.components import Components
from photo_api.config import ConfigurationError, Settings
from photo_api.http_protocol import BoundedHttpProtocol
from photo_metrics import metrics_app

_log = structlog.get_logger("photo_api.server")


class _Server(uvicorn.Server):
    """uvicorn, with the signals left to us, and connections that keep it waiting closed."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the process's signal handlers alone."""
        yield

    async def on_tick(self, counter: int) -> bool:
        """Once a second, close the connections that are overdue."""
        if counter % 10 == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, BoundedHttpProtocol) and connection.overdue(now):
                    connection.transport.close()
        return await super().on_tick(counter)


def listen(host: str, port: int, setting: str) -> socket.socket:
    """A listening TCP socket.

    Raises:
        ConfigurationError: the port is taken or the address is not this machine's; the message names the option.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"{setting}: cannot listen on {host}:{port} ({error.strerror}); choose another"
        ) from None
    listener.setblocking(False)  # noqa: FBT003 - the socket API has no keyword
    return listener


def _config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=BoundedHttpProtocol,
        ws="none",
        lifespan="off",  # opened and closed here: uvicorn would log a trace for what one line can say
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=max(1, round(settings.shutdown_seconds)),
        limit_concurrency=2_000,
    )


async def serve(settings: Settings, host: str, port: int, metrics_port: int) -> None:
    """Serve until a signal ends it.

    Raises:
        ConfigurationError: a port cannot be had, or a part of the service cannot be opened as it is configured.
        Unavailable: a part that must be there from the start is away.
    """
    recorder = new_recorder(settings, f"{socket.gethostname()}:{port}")
    with (
        contextlib.closing(listen(host, port, "--port")) as api_socket,
        contextlib.closing(listen(host, metrics_port, "--metrics-port")) as metrics_socket,
    ):
        app = create_app(settings, recorder)
        api = _Server(_config(app, settings))
        metrics = _Server(_config(metrics_app(recorder), settings))
        draining = asyncio.create_task(_drain_on_signal(app.state.components, api))
        metrics_task = asyncio.create_task(metrics.serve(sockets=[metrics_socket]))
        try:
            async with app.router.lifespan_context(app):
                _log.info("listening", host=host, port=port, metrics_port=metrics_port)
                await api.serve(sockets=[api_socket])
        finally:
            draining.cancel()
            metrics.should_exit = True
            await metrics_task
        _log.info("stopped")


async def _drain_on_signal(components: Components, api: uvicorn.Server) -> None:
    """First SIGTERM: drain, then stop. SIGINT (a person at the terminal), or a second signal: stop at once."""
    settings = components.settings
    signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signals.put_nowait, number)
    first = await signals.get()
    if first is signal.SIGTERM and settings.drain_seconds > 0:
        deadline = time.time() + settings.drain_seconds + settings.restart_allowance_seconds
        components.health.start_draining(deadline)
        _log.info("draining", seconds=settings.drain_seconds, hint="a second signal stops at once")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(signals.get(), settings.drain_seconds)
    _log.info("stopping")
    api.should_exit = True
    await signals.get()
    api.force_exit = True
