"""What the stack's monitoring is rendered with: the override file, and what the stack itself decides."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from photo_monitoring.configuration.file import DEFAULT_NAME, ConfigError, load
from photo_monitoring.configuration.settings import CONSOLE, Language, Settings
from photo_stack.errors import CannotStart
from photo_stack.haproxy import FRONTEND
from photo_stack.layout import HOST


def override_file(config: Path | None) -> Path | None:
    """The file that was named, else ``monitoring.toml`` in the working directory if there is one; absolute."""
    if config is None and not Path(DEFAULT_NAME).exists():
        return None
    return (config or Path(DEFAULT_NAME)).absolute()


def monitoring_settings(
    config: Path | None, lang: Language | None, time_scale: float, *, console_port: int
) -> Settings:
    """An override file's settings for this stack.

    Jobs and labels are called as the file says. The load balancer's frontend is the stack's own, and links go to the
    stack's console unless the file names another.

    Raises:
        CannotStart: the file cannot be read or is wrong; one line for each mistake.
    """
    try:
        settings = Settings() if config is None else load(config)
        own: dict[str, Any] = {"time_scale": time_scale, "balancer_frontend": FRONTEND}
        if lang is not None:
            own["lang"] = lang
        if settings.console_url == CONSOLE:
            own["console_url"] = f"http://{HOST}:{console_port}"
        return replace(settings, **own)
    except ConfigError as error:
        raise CannotStart("\n".join(error.problems)) from None
