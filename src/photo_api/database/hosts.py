"""Connecting to PostgreSQL: to the one of several hosts that takes writes (libpq, 34.1.1.3, target_session_attrs)."""

from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg

from photo_api.database.faults import FAULTS, NoHostAnswered, reason

_TARGET: Final = "target_session_attrs"


class Hosts:
    """The hosts of a URL, tried one after the other, first the one that was right last.

    The driver's own search would give all its time to a host that swallows packets, and never come to the next: here
    each host has an equal share. Unless the URL has ``target_session_attrs``, only a server that takes writes will do:
    after a failover the old primary may be back as a standby, under the same name.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        user, at, hosts = parts.netloc.rpartition("@")
        self._options: dict[str, str] = {} if f"{_TARGET}=" in parts.query else {_TARGET: "read-write"}
        self._urls = [(host, parts._replace(netloc=f"{user}{at}{host}").geturl()) for host in hosts.split(",")]
        if len(self._urls) == 1:
            self._urls = [(hosts, url)]

    async def connect(self, _url: str, *, timeout: float, **options: Any) -> Any:  # noqa: ANN401, ASYNC109 - asyncpg's
        """A new connection, as ``asyncpg.create_pool`` asks for one; ``timeout`` in seconds is for all hosts together.

        Raises:
            NoHostAnswered: each failed.
        """
        reasons: list[str] = []
        share = timeout / len(self._urls)
        for place in list(self._urls):
            host, url = place
            try:
                connection = await asyncpg.connect(url, timeout=share, **self._options, **options)
            except FAULTS as error:
                reasons.append(f"{host}: {reason(error)}" if host else reason(error))
                last = error
            else:
                self._urls.sort(key=lambda other: other != place)
                return connection
        raise NoHostAnswered(reasons, last) from last
