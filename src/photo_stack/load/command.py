"""The command `photo-stack load`: options, the run, and how its result is shown."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
import uvloop

from photo_stack.errors import StackError
from photo_stack.layout import Layout, default_data_directory
from photo_stack.load.progress import Progress, render_report
from photo_stack.load.session import LoadSettings, run_load
from photo_stack.load.target import loopback_url, stack_url
from photo_stack.load.users import MOST_USERS

_MOST_RATE: Final = 1_000.0
_MOST_SECONDS: Final = 24 * 3600.0
_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}


def seconds_of(text: str) -> float:
    """Read `90`, `90s`, `10m` or `2h` as seconds, up to 24 h.

    Raises:
        typer.BadParameter: anything else.
    """
    number, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "s")
    try:
        seconds = float(number) * _UNITS[unit]
    except ValueError:
        seconds = -1.0
    if not 0 < seconds <= _MOST_SECONDS:
        raise typer.BadParameter(f"--duration {text}: give seconds, or a number with s, m or h, up to 24h")
    return seconds


def load(
    rps: Annotated[float, typer.Option(min=0.1, max=_MOST_RATE, help="Requests a second (an open loop).")] = 20.0,
    duration: Annotated[str, typer.Option(metavar="TIME", help="How long, such as 90s, 10m or 2h.")] = "60s",
    url: Annotated[str | None, typer.Option(help="The service, in 127.0.0.0/8; default: the running stack's.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="The stack's directory: its stack.json names the target, reports go to load/.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Pictures and choices follow from it.")] = 1,
    users: Annotated[
        int | None, typer.Option(min=1, max=MOST_USERS, help="Virtual users; default: as many as the rate needs.")
    ] = None,
    attack: Annotated[bool, typer.Option("--attack", help="Send hostile traffic, which alerts are made for.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON, alone, on stdout.")] = False,
) -> None:
    """Send real traffic: people who upload, look and share; or, with --attack, what must be refused.

    Exit codes: 0 every answer was as the contract says; 1 some were not; 2 wrong usage; 3 no service there.
    """
    seconds = seconds_of(duration)
    layout = Layout((data or default_data_directory(os.environ, Path.cwd())).absolute())
    progress = Progress(sys.stderr)
    try:
        target = loopback_url(url) if url is not None else stack_url(layout)
        settings = LoadSettings(
            target=target,
            rate=rps,
            seconds=seconds,
            seed=seed,
            users=users,
            attack=attack,
            pictures=layout.data / "load" / "pictures",
        )
        result = uvloop.run(run_load(settings, progress))
        report = _write_report(layout.data / "load", result)
    except OSError as error:
        place = error.filename or layout.data
        typer.echo(f"photo-stack load: {place}: {error.strerror}; choose another place with --data", err=True)
        raise typer.Exit(1) from None
    except StackError as error:
        typer.echo(f"photo-stack load: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    finally:
        progress.close()
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
        sys.stdout.flush()
    else:
        render_report(result, report)
    if result["totals"]["problems"]:
        raise typer.Exit(1)


def _write_report(folder: Path, result: dict[str, Any]) -> Path:
    """Write the result as JSON beside the stack's other files; returns the path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"load-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{result['run']}.json"
    path.write_bytes(orjson.dumps(result, option=orjson.OPT_INDENT_2) + b"\n")
    return path
