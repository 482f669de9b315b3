"""Grafana, where this machine has one: it shows the boards without a click. Elsewhere the console does."""

import os
import shutil
from pathlib import Path

from photo_stack.components import Component, tool_environment
from photo_stack.errors import CannotStart
from photo_stack.layout import HOST, Ports, StackSettings
from photo_stack.preflight import why_not

_PROGRAM = "grafana-server"
_PACKAGED_HOME = Path("/usr/share/grafana")
_DEFAULTS = Path("conf/defaults.ini")


def find_grafana(path: str | None = None) -> Path | None:
    """Return the program `grafana-server`, None where it is not installed; `path` defaults to `PATH`."""
    found = shutil.which(_PROGRAM, path=f"{os.environ.get('PATH', '') if path is None else path}:/usr/sbin:/sbin")
    return Path(found) if found else None


def home(program: Path) -> Path:
    """Return Grafana's own files: beside the program in an unpacked archive, else where its packages put them.

    Raises:
        CannotStart: neither place has them.
    """
    candidates = (program.resolve().parent.parent, _PACKAGED_HOME)
    for candidate in candidates:
        if (candidate / _DEFAULTS).is_file():
            return candidate
    places = " or ".join(str(candidate / _DEFAULTS) for candidate in candidates)
    raise CannotStart(f"{program}: Grafana's own files are missing ({places}); install it again, or take it off PATH")


def grafana_stage(settings: StackSettings) -> tuple[Component, ...]:
    """Return Grafana as the last stage of a start, nothing where the settings have no port for it.

    It listens on loopback, shows the boards to viewers without a login, and has no user admin, so no password either.

    Raises:
        CannotStart: the program or its own files are missing.
    """
    port = settings.ports.grafana
    if port is None:
        return ()
    program = find_grafana()
    if program is None:
        raise CannotStart(f"{_PROGRAM} is not on PATH any more; start again without it")
    folder, ports = settings.layout.grafana, settings.ports
    component = Component(
        name="grafana",
        purpose="the console's dashboards in Grafana",
        argv=(str(program), "--homepath", str(home(program)), "--config", os.devnull),
        port=port,
        url=f"http://{HOST}:{port}",
        ready_url=f"http://{HOST}:{port}/api/health",
        log_file=settings.layout.log_file("grafana"),
        env=tool_environment()
        | {
            "GF_SERVER_HTTP_ADDR": HOST,
            "GF_SERVER_HTTP_PORT": str(port),
            "GF_SERVER_ROOT_URL": f"http://{HOST}:{port}",
            "GF_PATHS_DATA": str(settings.layout.storage("grafana")),
            "GF_PATHS_LOGS": str(settings.layout.storage("grafana") / "log"),
            "GF_PATHS_PLUGINS": str(settings.layout.storage("grafana") / "plugins"),
            "GF_PATHS_PROVISIONING": str(folder / "provisioning"),
            "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": str(boards(settings) / "photo-api-overview.json"),
            "GF_AUTH_ANONYMOUS_ENABLED": "true",
            "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
            "GF_AUTH_DISABLE_LOGIN_FORM": "true",
            "GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION": "true",
            "GF_ANALYTICS_REPORTING_ENABLED": "false",
            "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
            "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
            "PROMETHEUS_URL": f"http://{HOST}:{ports.prometheus[0]}",
            "ALERTMANAGER_URL": f"http://{HOST}:{ports.alertmanager[0]}",
            "DASHBOARDS_PATH": str(boards(settings)),
        },
        # Its first start fills a database of its own.
        start_seconds=120.0,
        stop_seconds=15.0,
    )
    return (component,)


def grafana_occupied(ports: Ports) -> str | None:
    """Say in a line that Grafana's port is somebody's, most often another Grafana's: the stack then does without."""
    reason = None if ports.grafana is None else why_not(ports.grafana)
    return reason and f"without Grafana: its port {ports.grafana} {reason}; the console has the same dashboards"


def boards(settings: StackSettings) -> Path:
    """The folder of the boards in the stack's language."""
    return settings.layout.grafana / "dashboards" / settings.monitoring.lang
