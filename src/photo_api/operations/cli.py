"""``photo-api audit``, ``backup``, ``restore`` and ``check-config``: the commands' words; what they do is beside this.

Status: 0 all is right, 1 something is wrong or away, 2 a setting or an argument is wrong.
"""

import asyncio
import json
import logging
import sys
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import typer

from photo_api.config import ConfigurationError, load_settings
from photo_api.terminal import failed, read_settings

_T = TypeVar("_T")
_Json = Annotated[bool, typer.Option("--json", help="one JSON object on standard output")]
_SAID_EVERY_SECONDS: Final = 2.0


def register(app: typer.Typer) -> None:
    """Add the commands to ``photo-api``."""
    app.command("check-config")(check_config)
    for command in (audit, backup, restore):
        app.command()(command)


def check_config(
    timeout: Annotated[float, typer.Option(min=0.1, max=600, help="longest wait for each check, in seconds")] = 20,
    as_json: _Json = False,
) -> None:
    """Try every configured backend as the service would use it, and say what is wrong, a line each."""
    from photo_api.operations.check import Result, check  # noqa: PLC0415 - see photo_api.cli.serve

    try:
        results = run(check(load_settings(), timeout))
        status = 0 if all(result.ok for result in results) else 1
    except ConfigurationError as error:
        results = [Result("settings", ok=False, text=line) for line in str(error).splitlines()]
        status = 2
    if as_json:
        typer.echo(json.dumps({"ok": status == 0, "checks": [asdict(result) for result in results]}))
    else:
        for result in results:
            typer.echo(f"{'ok    ' if result.ok else 'FAILED'} {result.name}: {result.text}")
    if status:
        raise typer.Exit(status)


def audit(
    fix: Annotated[bool, typer.Option("--fix", help="repair what can be: totals, and objects without a photo")] = False,
    objects: Annotated[bool, typer.Option(help="compare photos with the objects in storage")] = True,
    orphan_hours: Annotated[float, typer.Option(min=0, help="an object without a photo counts from this age on")] = 24,
    many_orphans: Annotated[
        bool, typer.Option("--many-orphans", help="with --fix: more than a tenth of all objects may be deleted")
    ] = False,
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
        many_orphans=many_orphans,
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
        with _no_log():
            return asyncio.run(work)
    except SchemaBehind:
        raise failed(DatabaseUnavailable("the database's schema is behind; run photo-api migrate")) from None
    except StatementFailed as error:
        raise failed(DatabaseUnavailable(f"the database refused what this command asked of it ({error})")) from None
    except (ConfigurationError, Unavailable) as error:
        raise failed(error) from None


@contextmanager
def _no_log() -> Iterator[None]:
    """A command says what is wrong in words of its own, and standard output is its answer's."""
    import structlog  # noqa: PLC0415

    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)
