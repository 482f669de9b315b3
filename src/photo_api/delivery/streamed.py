"""The embedded delivery: every image is streamed by the service itself."""

from photo_api.delivery.base import Audience
from photo_metrics import Recorder


class Streamed:
    """No CDN."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def link(self, object_key: str, audience: Audience) -> None:
        """Stream it."""
        self._recorder.image_delivery("stream")
