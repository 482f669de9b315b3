"""How a provider's one application is served as a process of its own."""

import logging
import sys

from aiohttp import web


def serve(application: web.Application, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; only faults are logged, on standard error, and never a request's address."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    web.run_app(application, host=host, port=port, print=None, access_log=None, shutdown_timeout=1.0)
