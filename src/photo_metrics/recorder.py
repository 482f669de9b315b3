"""The verbs by which a service writes its metrics. This module alone binds the catalog to the machinery.

Services never touch metric objects. Every verb costs well under a microsecond (those with a bounded label a few),
never blocks, may be called from any thread, and raises ValueError for a value that the catalog does not know: a fault
of the program, which its tests meet first.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Literal

from photo_metrics import catalog
from photo_metrics.bounded import BoundedCounter, BoundedSettings, Places
from photo_metrics.business import BusinessMetrics, BusinessTotals
from photo_metrics.database import DatabaseMetrics
from photo_metrics.exposition import metrics_page
from photo_metrics.external import ExternalRequest, ExternalSeries
from photo_metrics.instrumentation import HttpMetrics
from photo_metrics.process import register_process_metrics
from photo_metrics.registry import Registry
from photo_metrics.routes import NO_ROUTE, UNDOCUMENTED
from photo_metrics.spec import OTHER_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from photo_metrics.asgi import ASGIApp
    from photo_metrics.external import BreakerState, ExternalOperation, ExternalService
    from photo_metrics.routes import RouteTable

AccessType = Literal["authenticated", "shared"]
AccessResult = Literal["success", "denied"]
TokenStatus = Literal["valid", "invalid", "expired"]
Dependency = Literal["database", "object_storage", "log_service", "cdn", "redis"]

_COUNTED = "_photo_metrics_counted"


class Recorder:
    """The metrics of one process."""

    def __init__(
        self,
        *,
        app: str,
        version: str,
        environment: str,
        node: str,
        scrape_interval_seconds: float = 15.0,
        client_floor_per_hour: float = 60.0,
        user_floor_bytes_per_hour: float = 100_000_000.0,
        max_clients: int = catalog.MAX_CLIENTS,
        max_users: int = catalog.MAX_USERS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Declare every metric of the catalog and create the closed label sets.

        `node` tells instances apart in `photo_api_app_info`. `scrape_interval_seconds` is Prometheus' interval: new
        series of bounded labels are held at 0 for two of them. A client gets a series of its own above
        `client_floor_per_hour` blocked requests and invalid tokens, a user above `user_floor_bytes_per_hour`: keep it
        under a tenth of the smallest per-hour threshold. `clock` tells seconds (monotonic).
        """
        self.registry = registry = Registry()
        self._ready = registry.gauge(catalog.READY).labels()
        registry.gauge(catalog.APP_INFO).labels(node, app, version, environment).set(1)
        self._drain_deadline = registry.gauge(catalog.DRAIN_DEADLINE).labels()
        self._dependency_up = registry.gauge(catalog.DEPENDENCY_UP)
        self._http = HttpMetrics(registry, catalog.HTTP_REQUESTS, catalog.HTTP_DURATION)
        self._login = registry.histogram(catalog.LOGIN_DURATION)
        self._image_seconds = registry.histogram(catalog.IMAGE_ACCESS_DURATION)
        self._share_seconds = registry.histogram(catalog.SHARE_LINK_ACCESS_DURATION)
        self._external_seconds = registry.histogram(catalog.EXTERNAL_DURATION)
        self._operation_seconds = registry.histogram(catalog.EXTERNAL_OPERATION_DURATION)
        self._in_flight = registry.gauge(catalog.EXTERNAL_IN_FLIGHT)
        self._sessions = registry.gauge(catalog.ACTIVE_SESSIONS).labels()
        self._loop_lag = registry.counter(catalog.EVENT_LOOP_LAG).labels()
        self._exceptions = registry.counter(catalog.EXCEPTIONS).labels()
        transactions = registry.counter(catalog.DB_TRANSACTIONS)
        self._database = DatabaseMetrics(
            errors=registry.counter(catalog.DB_ERRORS).labels(),
            transactions={
                "committed": transactions.labels("committed"),
                "rolled_back": transactions.labels("rolled_back"),
                "failed": transactions.labels("failed"),
            },
            size=registry.gauge(catalog.DB_POOL_SIZE).labels(),
            in_use=registry.gauge(catalog.DB_POOL_IN_USE).labels(),
            waiting=registry.gauge(catalog.DB_POOL_WAITING).labels(),
            wait=registry.histogram(catalog.DB_POOL_WAIT).labels(),
        )
        self._external_errors = registry.counter(catalog.EXTERNAL_ERRORS)
        self._external_timeouts = registry.counter(catalog.EXTERNAL_TIMEOUTS)
        self._breaker_state = registry.gauge(catalog.BREAKER_STATE)
        self._breaker_openings = registry.counter(catalog.BREAKER_OPENINGS)
        self._log_queue = registry.gauge(catalog.LOG_QUEUE_SIZE).labels()
        self._log_dropped = registry.counter(catalog.LOG_DROPPED)
        self._limit_hits = registry.counter(catalog.RATE_LIMIT_HITS)
        self._limit_requests = registry.counter(catalog.RATE_LIMIT_REQUESTS)
        self._limit_fallbacks = registry.counter(catalog.RATE_LIMIT_FALLBACKS).labels()
        brute_force = registry.counter(catalog.BRUTE_FORCE_ATTEMPTS)
        brute_force.labels(OTHER_KEY)
        self._share_access = registry.counter(catalog.SHARE_LINK_ACCESS)
        self._share_image_access = registry.counter(catalog.SHARE_LINK_IMAGE_ACCESS)
        self._image_access = registry.counter(catalog.IMAGE_ACCESS)
        self._image_delivery = registry.counter(catalog.IMAGE_DELIVERY)
        users = BoundedSettings(
            places=max_users,
            floor_per_hour=user_floor_bytes_per_hour,
            scrape_interval_seconds=scrape_interval_seconds,
        )
        self._business = BusinessMetrics(registry, users, clock, started_at=time.time())
        register_process_metrics(registry)

        self._clients = Places(
            BoundedSettings(
                places=max_clients,
                floor_per_hour=client_floor_per_hour,
                scrape_interval_seconds=scrape_interval_seconds,
            ),
            clock,
        )
        registry.before_collect(self._clients.tidy)
        self._brute_force = BoundedCounter(brute_force, self._clients)
        self._blocked = BoundedCounter(self._limit_hits, self._clients, overflow=(UNDOCUMENTED,))
        self._endpoints = frozenset({NO_ROUTE, UNDOCUMENTED})
        self._declare_endpoints(self._endpoints)
        self._external = {
            combination: ExternalSeries(
                self._external_seconds.labels(combination[0]),
                self._operation_seconds.labels(*combination),
                self._external_errors.labels(combination[0]),
                self._external_timeouts.labels(combination[0]),
                self._in_flight.labels(combination[0]),
            )
            for combination in catalog.EXTERNAL_OPERATION_DURATION.combinations or ()
        }

    @property
    def http(self) -> HttpMetrics:
        """The families of HTTP requests, for the middleware."""
        return self._http

    @property
    def database(self) -> DatabaseMetrics:
        """The families of the database, for what wraps its driver."""
        return self._database

    def declare_routes(self, routes: RouteTable) -> None:
        """Learn the route templates: they alone become values of `handler` and `endpoint`, whatever callers pass."""
        self._http.declare(routes)
        self._declare_endpoints(routes.templates)
        self._endpoints |= routes.templates

    # Availability

    def set_ready(self, ready: bool) -> None:
        """Whether the instance wants traffic."""
        self._ready.set(ready)

    def set_drain_deadline(self, unix_seconds: float) -> None:
        """When the drain that has begun, and the restart after it, should be over."""
        self._drain_deadline.set(unix_seconds)

    def dependency_up(self, dependency: Dependency, up: bool) -> None:
        """What the last probe of a dependency found."""
        self._dependency_up.labels(dependency).set(up)

    def event_loop_lag(self, seconds: float) -> None:
        """The event loop woke `seconds` later than asked; `watch_event_loop` tells."""
        self._loop_lag.inc(max(0.0, seconds))

    # Requests

    def session_started(self) -> None:
        """An authenticated request begins."""
        self._sessions.inc()

    def session_ended(self) -> None:
        """An authenticated request is over."""
        self._sessions.inc(-1.0)

    def login(self, *, result: Literal["success", "failure"], seconds: float) -> None:
        """A login was decided."""
        self._login.labels(result).observe(seconds)

    def image_access(self, *, access_type: AccessType, result: AccessResult, seconds: float) -> None:
        """A request for an image was answered, `seconds` to its first byte."""
        self._image_access.labels(access_type, result).inc()
        self._image_seconds.labels(access_type, result).observe(seconds)

    def image_delivery(self, via: Literal["redirect", "stream", "fallback"]) -> None:
        """A permitted image was sent on its way; "fallback" is streamed because the CDN was away."""
        self._image_delivery.labels(via).inc()

    def share_link_access(self, *, token_status: TokenStatus, result: AccessResult, seconds: float) -> None:
        """A visit to a share link was answered."""
        self._share_access.labels(token_status, result).inc()
        self._share_seconds.labels(token_status, result).observe(seconds)

    def share_link_image_access(self, *, token_status: TokenStatus, photo_in_album: bool) -> None:
        """An image was asked for through a share link; with an invalid token no photo is in the album."""
        in_album = photo_in_album and token_status in {"valid", "expired"}
        self._share_image_access.labels(token_status, "yes" if in_album else "no").inc()

    def brute_force_attempt(self, client_id: str) -> None:
        """A share link was visited with an invalid token, by the client of this prefix (`client_prefix`)."""
        self._clients.add(client_id)
        self._brute_force.inc(client_id)

    def rate_limit_checked(self, endpoint: str, allowed: bool, client_id: str) -> None:
        """A rate limit was asked; a blocked request counts as a hit of its client too.

        `endpoint` is the route template from the scope; what no route has becomes "OTHER", so that no path ever is a
        label.
        """
        if endpoint not in self._endpoints:
            endpoint = UNDOCUMENTED
        self._limit_requests.labels(endpoint, "allowed" if allowed else "blocked").inc()
        if not allowed:
            self._clients.add(client_id)
            self._blocked.inc(client_id, labels=(endpoint,))

    def rate_limit_fallback(self) -> None:
        """A rate limit was checked by this instance alone, though instances should count together."""
        self._limit_fallbacks.inc()

    # Failures

    def unhandled_exception(self, error: BaseException | None = None) -> None:
        """An exception that no handler expected: `error`, or the one being handled.

        One exception counts once, however many layers report it on its way out.
        """
        error = error if error is not None else sys.exc_info()[1]
        if error is not None:
            if getattr(error, _COUNTED, False):
                return
            error.__dict__[_COUNTED] = True
        self._exceptions.inc()

    def database_error(self) -> None:
        """The database failed: connection, statement or commit."""
        self._database.error()

    def external_request(self, service: ExternalService, *, operation: ExternalOperation) -> ExternalRequest:
        """A context manager around one request to another service."""
        try:
            return ExternalRequest(self._external[service, operation])
        except KeyError:
            known = ", ".join(f"{name} {verb}" for name, verb in self._external)
            message = f"no external request {service} {operation} is declared; known are {known}"
            raise ValueError(message) from None

    def breaker_state(self, service: ExternalService, state: BreakerState) -> None:
        """A service's circuit breaker changed; "open" counts as an opening."""
        self._breaker_state.labels(service).set(("closed", "half_open", "open").index(state))
        if state == "open":
            self._breaker_openings.labels(service).inc()

    def collect_log_queue_size(self, size: Callable[[], int]) -> None:
        """Ask `size` at every scrape how many log entries wait; while it raises, the metric is absent."""
        self._log_queue.set_function(size)

    def log_dropped(self, reason: str, count: int = 1) -> None:
        """Log entries were given up; an undeclared reason counts as "other"."""
        self._log_dropped.labels(reason).inc(count)

    # Growth

    def user_registered(self) -> None:
        """An account was made."""
        self._business.user_registered()

    def user_became_active(self) -> None:
        """A user who did not count as active (30 days) has logged in."""
        self._business.user_became_active()

    def album_created(self) -> None:
        """An album was made."""
        self._business.album_created()

    def album_deleted(self, shared: bool) -> None:
        """An album was deleted; `shared`: it had an open share link."""
        self._business.album_deleted(shared=shared)

    def album_shared(self) -> None:
        """An album got its first open share link."""
        self._business.album_shared(by=1)

    def album_unshared(self) -> None:
        """An album lost its last open share link."""
        self._business.album_shared(by=-1)

    def share_link_created(self) -> None:
        """A share link was made."""
        self._business.share_link_created()

    def share_link_closed(self) -> None:
        """A share link was revoked, or expired."""
        self._business.share_link_closed()

    def share_links_deleted(self, count: int) -> None:
        """Share links were deleted with their album; for each that was open, `share_link_closed` comes too."""
        self._business.share_links_deleted(count)

    def photo_confirmed(self, user_id: str, size_bytes: int) -> None:
        """An upload was confirmed."""
        self._business.photo_confirmed(user_id, size_bytes)

    def photo_deleted(self, user_id: str, size_bytes: int) -> None:
        """A confirmed photo was deleted."""
        self._business.photo_deleted(user_id, size_bytes)

    def business_totals(self, totals: BusinessTotals, at: float) -> None:
        """What the database held at `at` (unix seconds)."""
        self._business.publish(totals, at)

    def busy_users(self) -> list[str]:
        """Users who upload much now; add their totals to `BusinessTotals.largest_users`, and the gauge shows them
        too."""
        return self._business.busy_users()

    def _declare_endpoints(self, templates: frozenset[str]) -> None:
        for template in sorted(templates):
            self._limit_hits.labels(template, OTHER_KEY)
            for status in ("allowed", "blocked"):
                self._limit_requests.labels(template, status)


def record_external_request(
    recorder: Recorder, service: ExternalService, operation: ExternalOperation
) -> ExternalRequest:
    """`recorder.external_request` under the name that the guide gives to it."""
    return recorder.external_request(service, operation=operation)


def metrics_app(recorder: Recorder) -> ASGIApp:
    """The ASGI application of the metrics port: GET /metrics, in text or OpenMetrics as the request accepts."""
    return metrics_page(recorder.registry)


async def watch_event_loop(recorder: Recorder, interval_seconds: float = 0.5) -> None:
    """Tell the recorder by how much the running event loop wakes late; runs until cancelled."""
    while True:
        due = time.perf_counter() + interval_seconds
        await asyncio.sleep(interval_seconds)
        recorder.event_loop_lag(time.perf_counter() - due)
