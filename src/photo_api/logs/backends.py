"""Which log service the settings ask for."""

from photo_api.config import LogService, Settings
from photo_api.logs.logncrash import LogNCrashSink
from photo_api.logs.queue import LogQueue
from photo_metrics import Recorder


def open_log_queue(settings: Settings, recorder: Recorder) -> LogQueue:
    """The queue before the configured log service; nothing is opened yet.

    Raises:
        ConfigurationError: the log service's own settings are missing.
    """
    if settings.log_service is LogService.LOGNCRASH:
        # Twice the longest silence: the sink itself ends a call that is silent, this one that trickles.
        longest = 2 * settings.logncrash_timeout_seconds
        return LogQueue(settings, recorder, sink=LogNCrashSink(settings, recorder), send_seconds=longest)
    return LogQueue(settings, recorder)
