"""``photo-api audit``, ``backup``, ``restore`` and ``check-config``: the commands' words; what they do is beside this.

Status: 0 all is right, 1 something is wrong or away, 2 a setting or an argument is wrong.
"""

import asyncio
import json
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import typer

from photo_api.config import ConfigurationError
from photo_api.terminal import failed, read_settings

_T = TypeVar("_T")
_Json = Annotated[bool, typer.Option("--json", help="one JSON object on standard output")]
_SAID_EVERY_SECONDS: Final = 2.0


def register(app: typer.Typer) -> None:
    """Add the commands to ``photo-api``."""
    for command in (audit, backup, restore):
        app.command()(command)


def audit(
    fix: Annotated[bool, typer.Option("--fix", help="repair what can be: totals, and objects without a photo")] = False,
    objects: Annotated[bool, typer.Option(help="compare photos with the objects in storage")] = True,
    orphan_hours: Annotated[float, typer.Option(min=0, help="an object without a photo counts from this age on")] = 24,
    metrics: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="an instance's metrics port, such as http://127.0.0.1:9101")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Compare totals with tables, photos with objects, and metrics with both; beside a running service, too."""
    from photo_api.operations.audit import Wanted  # noqa: PLC0415 - see photo_api.cli.serve
    from photo_api.operations.audit import audit as look  # noqa: PLC0415

    settings = read_settings()
    wanted = Wanted(
        fix=fix,
        objects=objects,
        orphan_seconds=orphan_hours * 3600,
        metrics=metrics or (),
        metrics_seconds=settings.business_metrics_interval_seconds + 15,
    )
    findings = run(look(settings, wanted, Said()))
    typer.echo(json.dumps(findings.as_dict()) if as_json else "\n".join(findings.lines()))
    if not findings.ok:
        raise typer.Exit(1)


def backup(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="a new directory; it appears when it is whole")],
    objects: Annotated[
        Literal["copy", "check"], typer.Option(help="copy the objects too, or only look whether each is there")
    ] = "copy",
) -> None:
    """Save the database, and the photos' objects, beside a running service; the secret key is not in it."""
    from photo_api.operations.backup import backup as save  # noqa: PLC0415

    manifest = run(save(read_settings(), directory, objects, Said()))
    rows = sum(table.rows for table in manifest.tables)
    what = "copied" if objects == "copy" else "looked at"
    typer.echo(
        f"saved {rows} rows to {directory}; {what} {manifest.object_count} objects ({manifest.object_bytes} bytes)"
    )
    for key in manifest.lost:
        typer.echo(f"photo-api: object {key} is missing or damaged; it is not in the backup", err=True)
    if manifest.lost:
        raise typer.Exit(1)


def restore(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="a directory that photo-api backup made")],
) -> None:
    """Fill an empty, migrated database and an empty storage from a backup, and audit them."""
    from photo_api.operations.audit import Wanted  # noqa: PLC0415
    from photo_api.operations.audit import audit as look  # noqa: PLC0415
    from photo_api.operations.restore import restore as fill  # noqa: PLC0415

    settings = read_settings()
    manifest = run(fill(settings, directory, Said()))
    rows = sum(table.rows for table in manifest.tables)
    typer.echo(f"restored {rows} rows and {manifest.object_count} objects of {manifest.created_at}")
    findings = run(look(settings, Wanted(orphan_seconds=0), Said()))
    typer.echo("\n".join(findings.lines()))
    if not findings.ok:
        raise typer.Exit(1)


class Said:
    """Progress on standard error, every other second, where somebody looks at it."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _SAID_EVERY_SECONDS

    def __call__(self, what: str, number: int) -> None:
        """So many of what are done."""
        now = time.monotonic()
        if now >= self._next and sys.stderr.isatty():
            self._next = now + _SAID_EVERY_SECONDS
            typer.echo(f"photo-api: {number} {what}", err=True)


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a command's work; a foreseeable fault ends it with one line."""
    from photo_api.database import SchemaBehind, StatementFailed  # noqa: PLC0415
    from photo_api.errors import DatabaseUnavailable, Unavailable  # noqa: PLC0415

    try:
        return asyncio.run(work)
    except SchemaBehind:
        raise failed(DatabaseUnavailable("the database's schema is behind; run photo-api migrate")) from None
    except StatementFailed as error:
        raise failed(DatabaseUnavailable(f"the database refused what this command asked of it ({error})")) from None
    except (ConfigurationError, Unavailable) as error:
        raise failed(error) from None
