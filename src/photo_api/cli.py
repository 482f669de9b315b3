"""The command ``photo-api``."""

import asyncio
import os
import socket
import sys
from typing import Annotated

import typer

from photo_api.accounts.cli import app as users
from photo_api.config import ConfigurationError, Environment
from photo_api.operations import cli as operations
from photo_api.terminal import failed, read_settings

app = typer.Typer(
    help="The photo storage and sharing service. Settings come from the environment, prefix PHOTO_API_.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(users, name="users")
operations.register(app)


@app.callback()
def _private_files() -> None:
    """What is written (the database, objects, logs) is its owner's alone."""
    os.umask(0o077)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="port of the API")] = 8000,
    metrics_port: Annotated[int, typer.Option(min=1, max=65_535, help="port of /metrics")] = 9101,
) -> None:
    """Serve the API; outside production an empty data directory is set up first."""
    # Each command imports what it needs: the web framework and the migrations take seconds that --help can do without.
    import uvloop  # noqa: PLC0415

    from photo_api.database.migrate import migrate as migrate_database  # noqa: PLC0415
    from photo_api.errors import DatabaseUnavailable  # noqa: PLC0415
    from photo_api.logs.setup import configure_logging  # noqa: PLC0415
    from photo_api.server import serve as serve_until_stopped  # noqa: PLC0415

    settings = read_settings()
    configure_logging(settings, node=f"{socket.gethostname()}:{port}")
    try:
        if settings.environment is not Environment.PRODUCTION or settings.database_url is None:
            migrate_database(settings.resolved_database_url)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve_until_stopped(settings, host, port, metrics_port))
    except (ConfigurationError, DatabaseUnavailable) as error:
        raise failed(error) from None
    sys.stdout.flush()


@app.command()
def settings() -> None:
    """List every setting, its default and what it is for."""
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from photo_api.settings_reference import described_settings  # noqa: PLC0415

    table = Table("variable", "default", "what it is", box=None, header_style="bold")
    for setting in described_settings():
        table.add_row(*setting)
    Console(soft_wrap=not sys.stdout.isatty()).print(table)


@app.command()
def migrate() -> None:
    """Bring the database's schema to this version's; safe to run from several places at once."""
    from photo_api.database.migrate import migrate as migrate_database  # noqa: PLC0415
    from photo_api.errors import DatabaseUnavailable  # noqa: PLC0415

    settings = read_settings()
    try:
        revision = migrate_database(settings.resolved_database_url)
    except DatabaseUnavailable as error:
        raise failed(error) from None
    typer.echo(f"the schema is at revision {revision}")
