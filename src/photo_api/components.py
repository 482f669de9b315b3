"""The service's parts, put together in one place: built without I/O, opened and closed by the lifespan."""

from dataclasses import dataclass

from photo_api.accounts.service import AccountService
from photo_api.accounts.tokens import AccessTokens
from photo_api.albums.service import AlbumService
from photo_api.business_metrics.publisher import BusinessMetricsPublisher
from photo_api.config import Settings
from photo_api.database import Database, open_database
from photo_api.delivery.backends import open_delivery
from photo_api.delivery.base import Delivery
from photo_api.delivery.cdn import CdnDelivery
from photo_api.health.state import Health
from photo_api.logs.backends import open_log_queue
from photo_api.logs.queue import LogQueue
from photo_api.passwords import PasswordHasher
from photo_api.photos.service import PhotoService
from photo_api.photos.verification import PhotoVerifier
from photo_api.rate_limits.limiter import RateLimiter
from photo_api.secrets import Secrets, load_secrets
from photo_api.share_links.service import ShareLinkService
from photo_api.storage.backends import open_storage
from photo_api.storage.base import ObjectStorage
from photo_metrics import Recorder


@dataclass(frozen=True, slots=True)
class Components:
    """Everything that lives as long as the process."""

    settings: Settings
    recorder: Recorder
    secrets: Secrets
    database: Database
    storage: ObjectStorage
    delivery: Delivery
    health: Health
    logs: LogQueue
    rate_limiter: RateLimiter
    passwords: PasswordHasher
    access_tokens: AccessTokens
    verifier: PhotoVerifier
    accounts: AccountService
    albums: AlbumService
    photos: PhotoService
    share_links: ShareLinkService
    business_metrics: BusinessMetricsPublisher


def build_components(settings: Settings, recorder: Recorder) -> Components:
    """Put the parts together; nothing is opened yet."""
    secrets = load_secrets(settings)
    database = open_database(settings, recorder.database)
    logs = open_log_queue(settings, recorder)
    storage = open_storage(settings, secrets, recorder)
    delivery = open_delivery(settings, recorder)
    passwords = PasswordHasher(settings)
    access_tokens = AccessTokens(settings, secrets)
    verifier = PhotoVerifier(settings)
    rate_limiter = RateLimiter(settings, recorder)
    return Components(
        settings=settings,
        recorder=recorder,
        secrets=secrets,
        database=database,
        storage=storage,
        delivery=delivery,
        health=Health(
            settings,
            recorder,
            database=database,
            storage=storage,
            log_service=logs,
            redis=rate_limiter if settings.redis_url is not None else None,
            cdn=delivery if isinstance(delivery, CdnDelivery) else None,
        ),
        logs=logs,
        rate_limiter=rate_limiter,
        passwords=passwords,
        access_tokens=access_tokens,
        verifier=verifier,
        accounts=AccountService(settings, database, recorder, passwords, access_tokens),
        albums=AlbumService(database, recorder),
        photos=PhotoService(settings, database, storage, verifier, recorder),
        share_links=ShareLinkService(settings, database, passwords, recorder),
        business_metrics=BusinessMetricsPublisher(settings, database, recorder),
    )
