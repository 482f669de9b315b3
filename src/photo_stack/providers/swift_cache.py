"""What Swift's proxy wants beside itself, for the one process of `swift_server`: a cache; logs on standard error."""

import json
import logging
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

_Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Cache:
    """Memcached's part, in memory: as ``swift.common.memcached.MemcacheRing``, whose options about servers are ignored.

    Values are kept as JSON, as there. What has expired goes when it is asked for; a container and a user more are a key
    or two more.
    """

    def __init__(self) -> None:
        self._values: dict[str, tuple[float, str]] = {}

    def get(self, key: str, **_options: object) -> Any:  # noqa: ANN401 - whatever JSON holds
        """The value, or ``None``."""
        expires, text = self._values.get(key, (0.0, "null"))
        if expires < time.monotonic():
            self._values.pop(key, None)
            return None
        return json.loads(text)

    def set(self, key: str, value: object, *, time: float = 0, **_options: object) -> None:
        """Keep for ``time`` seconds, or until the end where that is 0."""
        self._values[key] = (_after(time), json.dumps(value))

    def incr(self, key: str, delta: int = 1, *, time: float = 0, **_options: object) -> int:
        """Count up from 0; the new number."""
        number = max(0, int(self.get(key) or 0) + delta)
        self.set(key, number, time=time)
        return number

    def decr(self, key: str, delta: int = 1, *, time: float = 0, **_options: object) -> int:
        """Count down to 0; the new number."""
        return self.incr(key, -delta, time=time)

    def delete(self, key: str, **_options: object) -> None:
        """Forget."""
        self._values.pop(key, None)


def _after(seconds: float) -> float:
    return time.monotonic() + seconds if seconds else float("inf")


def filter_factory(_global_conf: Mapping[str, str], **_local_conf: str) -> Callable[[_Application], _Application]:
    """A filter that gives every request the one cache of this process (``swift.cache``)."""
    cache = Cache()

    def factory(application: _Application) -> _Application:
        def filtered(environment: dict[str, Any], start_response: object) -> Iterable[bytes]:
            environment["swift.cache"] = cache
            return application(environment, start_response)

        return filtered

    return factory


def log_to_stderr(
    _conf: object, _name: str, _console: bool, _route: str, _fmt: str, logger: logging.Logger, _adapted: object
) -> None:
    """A hook of Swift's ``log_custom_handlers``: standard error in place of syslog."""
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()
    handler = logging.StreamHandler(sys.__stderr__)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logger.addHandler(handler)
