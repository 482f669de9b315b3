"""What PostgreSQL and the way to it can fail with: which faults pass by themselves, and what an operator does."""

from typing import Final

import asyncpg

AWAY: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server's farewell came between two steps of the driver; no host takes writes
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,  # too many connections, disk full, out of memory
    asyncpg.OperatorInterventionError,  # starting, stopping, statement_timeout
    asyncpg.PostgresSystemError,  # an error of its disk
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    # Met by a new connection at run time, while somebody changes passwords or restores the database.
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)
"""Faults of the server, or of the way to it: the same request can be sent again (503)."""

FAULTS: Final = (*AWAY, asyncpg.PostgresError)
"""All that connecting, or a statement, can raise."""

_REMEDIES: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (
        asyncpg.TooManyConnectionsError,
        "lower PHOTO_API_DATABASE_POOL_SIZE, or raise the server's or the role's limit of connections",
    ),
    (asyncpg.DiskFullError, "make room on the server's disk"),
    (asyncpg.TargetServerAttributeNotMatched, "promote a primary, or name it in PHOTO_API_DATABASE_URL"),
    (asyncpg.InvalidAuthorizationSpecificationError, "correct user and password in PHOTO_API_DATABASE_URL"),
    (asyncpg.InvalidCatalogNameError, "create the database, or correct its name in PHOTO_API_DATABASE_URL"),
    (asyncpg.InsufficientPrivilegeError, "grant this to the user in PHOTO_API_DATABASE_URL"),
    (asyncpg.ReadOnlySQLTransactionError, "name the primary in PHOTO_API_DATABASE_URL, or let it take writes"),
    (asyncpg.CannotConnectNowError, "try again when the server has started"),
    (ConnectionRefusedError, "start the database, or correct its address in PHOTO_API_DATABASE_URL"),
)


class NoHostAnswered(ConnectionError):
    """None of the URL's hosts would do; ``last`` is what the last of them failed with."""

    def __init__(self, reasons: list[str], last: BaseException) -> None:
        super().__init__("; ".join(reasons))
        self.last = last


def reason(error: BaseException) -> str:
    """What happened, in one line and the server's own words; the values of a statement are not in them."""
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return "the server takes no writes"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    text = getattr(error, "strerror", None) or str(error)
    return next(iter(text.splitlines()), type(error).__name__)


def remedy(error: BaseException) -> str:
    """What to do about a fault of connecting."""
    if isinstance(error, NoHostAnswered):
        return remedy(error.last)
    found = (text for kind, text in _REMEDIES if isinstance(error, kind))
    return next(found, "check PHOTO_API_DATABASE_URL")
