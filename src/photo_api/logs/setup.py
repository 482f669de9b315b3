"""Logging of the process: structlog and the standard library in one pipeline, JSON lines on standard output."""

import logging
import socket
from typing import Final

import structlog

from photo_api.config import Settings
from photo_api.logs.pipeline import Output, StandardLibraryHandler, processors

_LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def configure_logging(settings: Settings, node: str | None = None) -> None:
    """Send every record of the process through the pipeline; called once, before anything logs.

    ``node`` names the instance where the settings do not, as in its metrics.
    """
    level = _LEVELS[settings.log_level]
    structlog.configure(
        processors=processors(settings.node or node or socket.gethostname()),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_output,
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    root.addHandler(StandardLibraryHandler())
    root.setLevel(level)
    logging.captureWarnings(capture=True)
    logging.getLogger("aiosqlite").setLevel(logging.WARNING)  # at debug it logs every statement's values
    # Two servers run in the process, and each tells every step of its life; photo_api.server says it once.
    logging.getLogger("uvicorn.error").setLevel(max(level, logging.WARNING))


def _output(*names: object) -> Output:
    """The logger behind ``structlog.get_logger(name)``."""
    return Output(str(names[0]) if names else "photo_api")
