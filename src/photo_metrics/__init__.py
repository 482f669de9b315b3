"""Prometheus metrics of an ASGI service: catalog, recorder, instrumentation, exposition.

Needs nothing but the standard library: another FastAPI or Starlette service can adopt it without ours.
"""

from photo_metrics.asgi import HANDLER_KEY, REQUEST_ID_KEY, RESPONSE_HEADERS_KEY
from photo_metrics.business import BusinessTotals
from photo_metrics.clients import client_prefix
from photo_metrics.database import DatabaseMetrics, TransactionOutcome
from photo_metrics.external import BreakerState, ExternalOperation, ExternalRequest, ExternalService
from photo_metrics.instrumentation import InstrumentationMiddleware
from photo_metrics.recorder import Recorder, metrics_app, record_external_request, watch_event_loop
from photo_metrics.routes import RouteTable

__all__ = [
    "HANDLER_KEY",
    "REQUEST_ID_KEY",
    "RESPONSE_HEADERS_KEY",
    "BreakerState",
    "BusinessTotals",
    "DatabaseMetrics",
    "ExternalOperation",
    "ExternalRequest",
    "ExternalService",
    "InstrumentationMiddleware",
    "Recorder",
    "RouteTable",
    "TransactionOutcome",
    "client_prefix",
    "metrics_app",
    "record_external_request",
    "watch_event_loop",
]
