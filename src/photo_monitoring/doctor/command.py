"""`photo-monitoring doctor`."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from photo_monitoring.configuration.settings import Language, Settings

LoadSettings = Callable[[Path | None, Language | None, float], Settings]

_WIDTH_OF_FILES = 160


def _failed(*problems: str) -> typer.Exit:
    for problem in problems:
        typer.echo(f"photo-monitoring: {problem}", err=True)
    return typer.Exit(2)


def register(app: typer.Typer, load_settings: LoadSettings) -> None:
    """Add the command; `load_settings` reads the override file, and ends the program when it is wrong."""

    @app.command("doctor")
    def doctor(
        metrics: Annotated[
            list[str] | None,
            typer.Option(help="URL of a metrics page, of the service or of an exporter; repeat it."),
        ] = None,
        prometheus: Annotated[str | None, typer.Option(help="Base URL of Prometheus: targets, rules, data.")] = None,
        timeout: Annotated[float, typer.Option(min=0.1, max=120, help="Seconds that an answer may take.")] = 10.0,
        time_scale: Annotated[float, typer.Option(help="As the rules in Prometheus were rendered with.")] = 1.0,
        as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
        config: Annotated[Path | None, typer.Option(help="Override file, as for `render`.")] = None,
        lang: Annotated[Language | None, typer.Option(help="Language; else the override file's, or ko.")] = None,
    ) -> None:
        """Say which criteria are live for a service, and which are silent: why, and what to do.

        Exit code 0: all are live; 1: some are silent or wrong; 2: something could not be looked at.
        """
        # No other command needs the HTTP client's modules.
        from rich.console import Console  # noqa: PLC0415

        from photo_monitoring.doctor import diagnosis, looking, report  # noqa: PLC0415

        if not metrics and prometheus is None:
            raise _failed("--metrics is missing: give the URL of the service's metrics page, or --prometheus")
        settings = load_settings(config, lang, time_scale)
        try:
            world = asyncio.run(looking.look(metrics or [], prometheus, settings, timeout))
        except looking.NoLookError as error:
            raise _failed(*error.problems) from None
        verdicts, off = diagnosis.examine(world), diagnosis.switched_off(settings)
        if as_json:
            typer.echo(json.dumps(report.as_json(verdicts, off, settings.lang), indent=2, ensure_ascii=False))
        else:
            console = Console(width=None if sys.stdout.isatty() else _WIDTH_OF_FILES, highlight=False)
            report.show(console, verdicts, off, settings.lang)
        raise typer.Exit(report.exit_code(verdicts))
