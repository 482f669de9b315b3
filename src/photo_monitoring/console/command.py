"""`photo-monitoring console`."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from photo_monitoring.configuration.settings import Language, Settings

LoadSettings = Callable[[Path | None, Language | None], Settings]


def register(app: typer.Typer, load_settings: LoadSettings) -> None:
    """Add the command to the program; `load_settings` reads the override file and ends the program when it is wrong."""

    @app.command("console")
    def console(
        host: Annotated[str, typer.Option(help="Address to listen on; other than loopback needs --token-file.")] = (
            "127.0.0.1"
        ),
        port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 8080,
        prometheus: Annotated[str, typer.Option(help="Base URL of Prometheus.")] = "http://127.0.0.1:9090",
        alertmanager: Annotated[str, typer.Option(help="Base URL of Alertmanager.")] = "http://127.0.0.1:9093",
        dashboards: Annotated[
            Path | None, typer.Option(help="Folder with ko/*.json and en/*.json, instead of the rendered ones.")
        ] = None,
        token_file: Annotated[Path | None, typer.Option(help="File with the token that browsers must give.")] = None,
        allowed_host: Annotated[
            list[str] | None,
            typer.Option(help="A host name by which browsers may ask; needs --token-file; repeat it."),
        ] = None,
        timezone: Annotated[str, typer.Option(help="Time zone in which times are shown.")] = "Asia/Seoul",
        config: Annotated[Path | None, typer.Option(help="Override file, as for `render`.")] = None,
        lang: Annotated[Language | None, typer.Option(help="Language; else the override file's, or ko.")] = None,
    ) -> None:
        """Show dashboards, alerts and runbooks in a browser, without Grafana; until SIGTERM or Ctrl-C."""
        # No other command needs the web server's modules.
        from photo_monitoring.console import boards, settings  # noqa: PLC0415
        from photo_monitoring.console.server import serve  # noqa: PLC0415

        logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
        monitoring = load_settings(config, lang)
        try:
            token = settings.read_token(host, token_file)
            serve(
                settings.ConsoleSettings(
                    host=host,
                    port=port,
                    prometheus=settings.base_url("--prometheus", prometheus),
                    alertmanager=settings.base_url("--alertmanager", alertmanager),
                    dashboards=dashboards or boards.default_folder(),
                    token=token,
                    names=settings.host_names(allowed_host or (), token),
                    timezone=settings.checked_timezone(timezone),
                    monitoring=monitoring,
                ),
                typer.echo,
            )
        except settings.ConsoleError as error:
            raise _failed(str(error), 2) from None
        except OSError as error:
            reason = "cannot be had" if error.strerror is None else error.strerror.split("]")[-1].strip()
            raise _failed(f"--host {host} --port {port}: {reason}; choose another", 1) from None


def _failed(line: str, code: int) -> typer.Exit:
    typer.echo(f"photo-monitoring: {line}", err=True)
    return typer.Exit(code)
