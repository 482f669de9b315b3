"""HAProxy: its configuration from the template, and the commands on its socket that a planned drain needs."""

import asyncio
import csv
import io
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from string import Template
from typing import Literal

from photo_stack.layout import HOST, StackSettings

BACKEND = "api"
FRONTEND = "photos"
HARD_STOP_SECONDS = 5
"""After SIGUSR1 requests in flight have this long to finish."""

_COMMAND_TIMEOUT_SECONDS = 3.0


class HaproxyUnavailable(Exception):
    """The socket is away, does not answer in time, or refused the command."""


def render_config(settings: StackSettings) -> str:
    """``haproxy.cfg`` for the instances ``api-1``, ``api-2``, …"""
    template = Template(resources.files("photo_stack").joinpath("templates/haproxy.cfg").read_text())
    problems = {
        f"problem_{status}": _quoted(json.dumps({"type": "about:blank", "title": title, "status": status}))
        for status, title in (
            (404, "Not Found"),
            (502, "Bad Gateway"),
            (503, "Service Unavailable"),
            (504, "Gateway Timeout"),
        )
    }
    servers = "\n".join(
        f"    server api-{number} {HOST}:{port} check" for number, port in enumerate(settings.ports.api, start=1)
    )
    return template.substitute(
        problems,
        socket=_quoted(str(settings.layout.haproxy_socket)),
        host=HOST,
        frontend=FRONTEND,
        port=settings.ports.load_balancer,
        metrics_port=settings.ports.haproxy_metrics,
        hard_stop_seconds=HARD_STOP_SECONDS,
        servers=servers,
    )


def _quoted(text: str) -> str:
    """Strong quotes, in which HAProxy changes nothing; a quote itself is written outside them."""
    return "'" + text.replace("'", "'\\''") + "'"


async def set_server_state(socket: Path, server: str, state: Literal["ready", "drain"]) -> None:
    """``drain``: no new requests go to the server; ``ready``: health checks decide again.

    Raises:
        HaproxyUnavailable: the state may not have changed.
    """
    answer = await _command(socket, f"set server {BACKEND}/{server} state {state}")
    if answer.strip():
        raise HaproxyUnavailable(answer.strip().splitlines()[0])


async def server_statuses(socket: Path) -> Mapping[str, str]:
    """Server → HAProxy's word for it: ``UP``, ``DOWN``, ``DRAIN``, …

    Raises:
        HaproxyUnavailable: no answer.
    """
    table = await _command(socket, f"show stat {BACKEND} 4 -1")
    rows = csv.DictReader(io.StringIO(table.removeprefix("# ")))
    return {row["svname"]: row["status"] for row in rows}


async def _command(socket: Path, command: str) -> str:
    try:
        async with asyncio.timeout(_COMMAND_TIMEOUT_SECONDS):
            reader, writer = await asyncio.open_unix_connection(socket)
            try:
                writer.write(f"{command}\n".encode())
                await writer.drain()
                return (await reader.read()).decode(errors="replace")
            finally:
                writer.close()
    except TimeoutError:
        raise HaproxyUnavailable(f"{socket}: no answer within {_COMMAND_TIMEOUT_SECONDS:g} s") from None
    except OSError as error:
        raise HaproxyUnavailable(f"{socket}: {error}") from None
