"""``photo-stack``: run the service and its monitoring on this machine.

Exit codes: 0 done; 1 the work failed, or ``status`` found something not running; 2 wrong usage; 3 no stack runs;
4 nothing was started, because a port is taken, a program is missing or another stack runs; 130 interrupted.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from photo_monitoring.configuration.file import DEFAULT_NAME
from photo_monitoring.configuration.settings import Language
from photo_stack.control import ask
from photo_stack.errors import CannotStart, NotRunning, StackError
from photo_stack.faults import in_words
from photo_stack.grafana import find_grafana, grafana_occupied
from photo_stack.launch import run_in_background, run_in_foreground
from photo_stack.layout import MAX_INSTANCES, Layout, Ports, StackSettings, default_data_directory, drain_seconds
from photo_stack.load.command import load
from photo_stack.monitoring import monitoring_settings, override_file
from photo_stack.profile import Profile, Storage
from photo_stack.reporting import memory_in_words
from photo_stack.state import read_state, sole_supervisor, why_not_running

_DOWN_SECONDS = 120.0

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Run the Photo API, its load balancer and its monitoring on this machine.",
)

DataOption = Annotated[
    Path | None,
    typer.Option("--data", help="Directory; default: .data/stack in the checkout, else the XDG state directory."),
]
NameArgument = Annotated[
    str, typer.Argument(help="A component, as `photo-stack status` calls it: api-1, haproxy, prometheus, …")
]


@app.command()
def up(
    data: DataOption = None,
    instances: Annotated[int, typer.Option(min=1, max=MAX_INSTANCES, help="Instances of the service.")] = 2,
    base_port: Annotated[
        int | None, typer.Option(help="Take consecutive ports from this one (the load balancer's) on.")
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return when everything is ready.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Start again what dies.")] = False,
    ha_monitoring: Annotated[
        bool, typer.Option("--ha-monitoring", help="Two Prometheus and two Alertmanagers that stand in for each other.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option(help=f"Override file; {DEFAULT_NAME} in the working directory, if there is one.")
    ] = None,
    lang: Annotated[
        Language | None, typer.Option(help="Language of the alerts; else the override file's, or ko.")
    ] = None,
    profile: Annotated[
        Profile, typer.Option(help="What the service stands on: files and SQLite, or PostgreSQL, Redis, Swift, a CDN….")
    ] = Profile.EMBEDDED,
    storage: Annotated[
        Storage, typer.Option(help="How the service speaks to Swift in the profile production.")
    ] = Storage.SWIFT,
    time_scale: Annotated[
        float, typer.Option(min=1.0, max=60.0, help="Divide the durations of rules and routing (drills).")
    ] = 1.0,
) -> None:
    """Start everything and watch it; Ctrl-C stops it and leaves the data."""
    os.umask(0o077)
    with _errors_as_lines():
        chosen = {
            "pair": ha_monitoring,
            "grafana": find_grafana() is not None,
            "production": profile is Profile.PRODUCTION,
        }
        if base_port is None:
            ports = Ports.usual(instances, **chosen)
        else:
            ports = Ports.counted_from(base_port, instances, **chosen)
        if occupied := grafana_occupied(ports):
            typer.echo(occupied)
            ports = replace(ports, grafana=None)
        settings = StackSettings(
            layout=_layout(data),
            ports=ports,
            restart=restart,
            config=override_file(config),
            monitoring=monitoring_settings(override_file(config), lang, time_scale, console_port=ports.console),
            drain_seconds=drain_seconds(os.environ),
            profile=profile,
            storage=storage,
        )
        if detach:
            run_in_background(settings, typer.echo)
            typer.echo(f"running in the background; photo-stack down --data {settings.layout.data} stops it")
        else:
            run_in_foreground(settings)


@app.command()
def down(data: DataOption = None) -> None:
    """Stop everything in order; the data stays."""
    with _errors_as_lines():
        layout = _layout(data)
        try:
            _ask(layout, "down", seconds=_DOWN_SECONDS)
        except NotRunning as error:
            typer.echo(str(error))
            return
        _wait_until_released(layout)
        typer.echo(f"stopped; data stays in {layout.data}")


@app.command()
def status(
    data: DataOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole state as JSON.")] = False,
) -> None:
    """Show what runs; exit code 0 when all of it does, 1 when something does not, 3 when there is no stack."""
    with _errors_as_lines():
        layout = _layout(data)
        try:
            document = asyncio.run(ask(layout, "status", seconds=10.0))["state"]
        except NotRunning:
            document = read_state(layout)
            if as_json:
                typer.echo(json.dumps({"state": "stopped" if document.get("state") == "stopped" else "gone"}))
            raise why_not_running(layout, document) from None
        if as_json:
            typer.echo(json.dumps(document, indent=2, ensure_ascii=False))
        else:
            _show(document)
        parts = document["components"].values()
        if document["state"] != "ready" or any(part["state"] != "running" for part in parts):
            raise typer.Exit(1)


@app.command()
def kill(name: NameArgument, data: DataOption = None) -> None:
    """Kill a component with SIGKILL, as a crash would; it stays dead unless the stack was started with --restart."""
    _operate("kill", name, data, seconds=15.0)


@app.command()
def start(name: NameArgument, data: DataOption = None) -> None:
    """Start a component that is dead, stopped or drained."""
    _operate("start", name, data, seconds=180.0)


@app.command()
def restart(name: NameArgument, data: DataOption = None) -> None:
    """Stop a component as planned (an instance: drain first) and start it again."""
    _operate("restart", name, data, seconds=900.0)


@app.command()
def drain(name: NameArgument, data: DataOption = None) -> None:
    """Take an instance out of the load balancer, let it finish and stop; it stays down until `start`."""
    _operate("drain", name, data, seconds=700.0)


@app.command()
def fault(
    name: Annotated[
        str,
        typer.Argument(help="postgresql, redis, swift, identity, cdn-edge, cdn-api (its tokens) or logncrash."),
    ],
    data: DataOption = None,
    latency: Annotated[float | None, typer.Option(min=0, max=600, help="Seconds that each answer waits.")] = None,
    status: Annotated[int | None, typer.Option(min=400, max=599, help="Answer this (HTTP servers of ours).")] = None,
    share: Annotated[float | None, typer.Option(min=0, max=1, help="Of the requests that this befalls.")] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Reset the connection instead of an answer.")] = False,
    hang: Annotated[bool, typer.Option("--hang", help="Take requests and never answer.")] = False,
    refuse: Annotated[bool, typer.Option("--refuse", help="Take no connection (postgresql, redis, swift).")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="End the faults.")] = False,
    seconds: Annotated[float, typer.Option(help="They end by themselves after this.")] = 300.0,
) -> None:
    """Let a server of the profile production be slow, fail, reset or hang; its restart ends that too."""
    chosen = {"latency_seconds": latency, "status": status, "reset": reset, "hang": hang, "refuse": refuse}
    told = {key: value for key, value in chosen.items() if value}
    if bool(told) is clear:
        raise typer.BadParameter("give --clear, or one or more of --latency, --status, --reset, --hang, --refuse")
    if share is not None and not clear:
        told["share"] = share
    with _errors_as_lines():
        typer.echo(_ask(_layout(data), "fault", name, seconds=15.0, told=told, for_seconds=seconds)["message"])


app.command()(load)


def _operate(command: str, name: str, data: Path | None, *, seconds: float) -> None:
    with _errors_as_lines():
        typer.echo(_ask(_layout(data), command, name, seconds=seconds)["message"])


def _ask(
    layout: Layout,
    command: str,
    name: str | None = None,
    *,
    seconds: float,
    **more: Any,  # noqa: ANN401 - a fault's fields
) -> dict[str, Any]:
    try:
        return asyncio.run(ask(layout, command, name, seconds=seconds, progress=typer.echo, **more))
    except NotRunning:
        raise why_not_running(layout, read_state(layout)) from None


def _layout(data: Path | None) -> Layout:
    return Layout((data or default_data_directory(os.environ, Path.cwd())).absolute())


def _wait_until_released(layout: Layout) -> None:
    """The supervisor's last act is to let go of the data directory."""
    for _ in range(100):
        try:
            with sole_supervisor(layout):
                return
        except CannotStart:
            time.sleep(0.05)


def _show(document: dict[str, Any]) -> None:
    typer.echo(f"{document['state']}: {document['data']}")
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("component", "state", "pid", "memory", "restarts", "url"):
        table.add_column(heading, no_wrap=True, justify="right" if heading in {"pid", "memory", "restarts"} else "left")
    notes = []
    for name, part in document["components"].items():
        pid = part["pid"]
        row = (name, part["state"], str(pid or "–"), memory_in_words(pid), str(part["restarts"]), part["url"])
        table.add_row(*row)
        if part["state"] != "running":
            how = f" ({part['exit']})" if part["exit"] else ""
            notes.append(f"{name} is {part['state']}{how}; log file: {part['log_file']}")
    for name, told in document.get("faults", {}).items():
        notes.append(f"{name} is faulty until {told['until']}: {in_words(told)}")
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    for note in notes:
        typer.echo(note)


@contextmanager
def _errors_as_lines() -> Iterator[None]:
    try:
        yield
    except StackError as error:
        for line in str(error).splitlines():
            typer.echo(line if line.startswith(" ") else f"photo-stack: {line}", err=True)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
