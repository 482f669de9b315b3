"""A log record's way: level, time, request id, redaction, one line of JSON; then standard output and the subscribers.

Policy: logging never raises and never waits for the log service. A record that cannot be written as JSON is written
as its ``repr``; a standard output that is gone is ignored, the subscribers still get the record.
"""

import logging
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, BinaryIO, Final

import orjson
import structlog
from structlog.typing import ExcInfo, Processor

from photo_api.context import current_request_id
from photo_api.ids import now_ms, rfc3339
from photo_api.logs.redaction import redact

EventDict = MutableMapping[str, Any]
Subscriber = Callable[[bytes], None]

LOCAL: Final = "local_only"
"""With this key set, a record goes to standard output alone: what the way to the log service says of itself."""

_subscribers: list[Subscriber] = []


def subscribe(subscriber: Subscriber) -> Callable[[], None]:
    """Hand every record, one line of JSON without its line feed, to ``subscriber``; call the result to end that.

    A subscriber may be called from any thread and must neither block, nor raise, nor log.
    """
    _subscribers.append(subscriber)
    return lambda: _subscribers.remove(subscriber)


def processors(node: str) -> list[Processor]:
    """The stages of the pipeline, for the instance called ``node``."""

    def add_origin(logger: Any, method: str, event: EventDict) -> EventDict:  # noqa: ANN401 - structlog's logger
        """What every record begins with, in the order in which people read it."""
        begun: EventDict = {
            "time": rfc3339(now_ms()),
            "level": "error" if method == "exception" else method,
            "event": event.pop("event", None),
            "logger": logger.name,
            "node": node,
        }
        request_id = current_request_id()
        if request_id is not None:
            begun["request_id"] = request_id
        begun.update(event)
        return begun

    return [
        add_origin,
        structlog.processors.format_exc_info,
        redact,
        _deliver,
    ]


def _deliver(_: Any, __: str, event: EventDict) -> bytes:  # noqa: ANN401
    """The record as a line of JSON, its subscribers served."""
    local = event.pop(LOCAL, False)
    line = render(event)
    if not local:
        for subscriber in tuple(_subscribers):
            subscriber(line)
    return line


def render(event: EventDict) -> bytes:
    """One line of JSON, whatever is in the record: line feeds are escaped, what JSON does not know becomes text."""
    try:
        return orjson.dumps(event, default=str)
    except (TypeError, ValueError):  # lone surrogates, integers beyond 64 bits, depth, a __str__ that fails
        return orjson.dumps({key: _printable(value) for key, value in event.items()})


def _printable(value: object) -> object:
    if value is None or isinstance(value, bool | float):
        return value
    try:
        text = value if isinstance(value, str) else repr(value)
    except Exception:  # noqa: BLE001 - any code may hide behind __repr__, and logging never raises
        text = f"<{type(value).__name__}>"
    return text.encode("utf-8", "backslashreplace").decode()


class Output:
    """The last stage: writes lines to standard output. ``name`` is the logger's, shown in each record."""

    def __init__(self, name: str, stream: BinaryIO | None = None) -> None:
        self.name = name
        self._stream = stream

    def msg(self, line: bytes) -> None:
        """Write one line."""
        stream = self._stream or sys.stdout.buffer
        try:
            stream.write(line + b"\n")
            stream.flush()
        except (OSError, ValueError):  # closed, or its reader is gone
            return

    debug = info = warning = error = critical = exception = msg


class StandardLibraryHandler(logging.Handler):
    """Routes what uvicorn, Alembic and asyncio log through ``logging`` into the same pipeline."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log ``record``; its own fault is reported as ``logging`` does, on standard error."""
        try:
            exception: ExcInfo | None = None
            if record.exc_info and record.exc_info[0] is not None:
                exception = record.exc_info
            values = {"exc_info": exception} if exception else {}
            logger = structlog.get_logger(record.name)
            getattr(logger, _method(record.levelno))(record.getMessage(), **values)
        except Exception:  # noqa: BLE001 - the interface of logging.Handler
            self.handleError(record)


def _method(level: int) -> str:
    for least, name in ((logging.ERROR, "error"), (logging.WARNING, "warning"), (logging.INFO, "info")):
        if level >= least:
            return name
    return "debug"
