"""What a call to another service ends in when it gets no answer worth reading.

All are `Unavailable`: uncaught, a client reads 503 with ``Retry-After``. The texts name the service and never the URL,
which may be signed; nor does a traceback.
"""

from photo_api.errors import Unavailable


class ServiceAway(Unavailable):
    """The service could not be reached, was silent too long, broke off, or answered 5xx or 429.

    ``answered`` is its status, where there was one; ``timed_out`` tells silence from refusal.
    """

    def __init__(
        self, detail: str, *, retry_after_seconds: int = 2, answered: int | None = None, timed_out: bool = False
    ) -> None:
        super().__init__(detail, retry_after_seconds=retry_after_seconds)
        self.answered = answered
        self.timed_out = timed_out


class CircuitOpen(Unavailable):
    """The service failed too often just now; nothing was sent."""


class MalformedAnswer(ServiceAway):
    """An answer that cannot be read: a failure of the service, in spite of its status."""
