"""The one place that knows every way of delivery."""

from photo_api.config import Settings, TokenSource
from photo_api.delivery.cdn import CdnDelivery
from photo_api.delivery.edge_auth import EdgeAuthTokens
from photo_api.delivery.nhn_cdn import NhnCdnTokens
from photo_api.delivery.streamed import Streamed
from photo_metrics import Recorder


def open_delivery(settings: Settings, recorder: Recorder) -> CdnDelivery | Streamed:
    """What the settings ask for; nothing is opened yet.

    Raises:
        ConfigurationError: the CDN's encryption key is not one.
    """
    if settings.cdn_url is None:
        return Streamed(recorder)
    if settings.cdn_token_source is TokenSource.API:
        return CdnDelivery(settings, recorder, NhnCdnTokens(settings, recorder))
    key = settings.cdn_encrypt_key
    return CdnDelivery(settings, recorder, EdgeAuthTokens("" if key is None else key.get_secret_value()))
