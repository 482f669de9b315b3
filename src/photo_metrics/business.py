"""Business totals and uploads: the gauges of the guide's section 7, and what each user uploaded.

The totals are the database's. They appear on the page with the first `publish`: until then the instance does not know
them, and a 0 would be a false statement. Changes that this instance makes move them at once, the next `publish`
corrects them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from photo_metrics import catalog
from photo_metrics.bounded import BoundedCounter, Places
from photo_metrics.spec import OTHER_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from photo_metrics.bounded import BoundedSettings
    from photo_metrics.registry import Family, Gauge, Registry


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessTotals:
    """What the database holds at one moment.

    `largest_users` are (user id, bytes), the largest first: the 100 largest, and those of `Recorder.busy_users()`.
    """

    users: int
    users_active: int
    albums: int
    albums_shared: int
    photos: int
    share_links: int
    share_links_active: int
    object_storage_bytes: int
    largest_users: Sequence[tuple[str, int]] = field(default=())


class BusinessMetrics:
    """The families of section 7."""

    def __init__(
        self, registry: Registry, users: BoundedSettings, clock: Callable[[], float], started_at: float
    ) -> None:
        """Register them; `started_at` (unix seconds) stands for the last success until there is one."""
        self._places = Places(users, clock)
        self._users = registry.gauge(catalog.USERS)
        self._albums = registry.gauge(catalog.ALBUMS)
        self._photos = registry.gauge(catalog.PHOTOS)
        self._share_links = registry.gauge(catalog.SHARE_LINKS)
        self._storage = registry.gauge(catalog.STORAGE_BYTES)
        self._storage_by_user = registry.gauge(catalog.STORAGE_BYTES_BY_USER)
        uploaded = registry.counter(catalog.UPLOADED_BYTES)
        uploaded.labels(OTHER_KEY)
        self._uploaded = BoundedCounter(uploaded, self._places)
        self._last_hour = registry.gauge(catalog.UPLOADED_LAST_HOUR)
        self._last_success = registry.gauge(catalog.BUSINESS_LAST_SUCCESS).labels()
        self._last_success.set(started_at)
        self._published = False
        self._places.on_leave(self._last_hour.remove)
        registry.before_collect(self._refresh_last_hour)

    def publish(self, totals: BusinessTotals, at: float) -> None:
        """Replace every total by what the database said at `at` (unix seconds)."""
        self._published = True
        self._users.labels("total").set(totals.users)
        self._users.labels("active").set(totals.users_active)
        self._albums.labels("total").set(totals.albums)
        self._albums.labels("shared").set(totals.albums_shared)
        self._photos.labels().set(totals.photos)
        self._share_links.labels("total").set(totals.share_links)
        self._share_links.labels("active").set(totals.share_links_active)
        self._storage.labels().set(totals.object_storage_bytes)
        self._publish_users(totals)
        self._last_success.set(at)

    def _publish_users(self, totals: BusinessTotals) -> None:
        places = self._places.settings.places
        shown = {
            user_id: size
            for rank, (user_id, size) in enumerate(sorted(totals.largest_users, key=lambda user: -user[1]))
            if rank < places or user_id in self._places
        }
        for child in self._storage_by_user.children():
            if child.labels[0] not in shown:
                self._storage_by_user.remove(*child.labels)
        for user_id, size in shown.items():
            self._storage_by_user.labels(user_id).set(size)
        self._storage_by_user.labels(OTHER_KEY).set(max(0, totals.object_storage_bytes - sum(shown.values())))

    def user_registered(self) -> None:
        """One user more; not active before a login."""
        self._move(self._users, "total", by=1)

    def user_became_active(self) -> None:
        """One more user who is not disabled and logged in within 30 days; the `publish`es tell who no longer is."""
        self._move(self._users, "active", by=1)

    def album_created(self) -> None:
        """One album more."""
        self._move(self._albums, "total", by=1)

    def album_deleted(self, *, shared: bool) -> None:
        """One album less."""
        self._move(self._albums, "total", by=-1)
        if shared:
            self._move(self._albums, "shared", by=-1)

    def album_shared(self, *, by: int) -> None:
        """One shared album more or less."""
        self._move(self._albums, "shared", by=by)

    def share_link_created(self) -> None:
        """One link more, and open."""
        self._move(self._share_links, "total", by=1)
        self._move(self._share_links, "active", by=1)

    def share_link_closed(self) -> None:
        """A link revoked or expired: it still counts among all."""
        self._move(self._share_links, "active", by=-1)

    def share_links_deleted(self, count: int) -> None:
        """Links that went with their album; those that were open have been closed."""
        self._move(self._share_links, "total", by=-count)

    def photo_confirmed(self, user_id: str, size_bytes: int) -> None:
        """One photo more: into the totals, and into what its owner uploaded."""
        self._places.add(user_id, size_bytes)
        self._uploaded.inc(user_id, size_bytes)
        self._move_photo(user_id, 1, size_bytes)

    def photo_deleted(self, user_id: str, size_bytes: int) -> None:
        """One photo less; what its owner uploaded stays uploaded."""
        self._move_photo(user_id, -1, -size_bytes)

    def busy_users(self) -> list[str]:
        """The users whose uploads have series of their own now: their totals belong into the next `BusinessTotals`."""
        return list(self._places.last_hour())

    def _move_photo(self, user_id: str, photos: int, size_bytes: int) -> None:
        self._move(self._photos, by=photos)
        self._move(self._storage, by=size_bytes)
        shown = self._storage_by_user.find(user_id) is not None
        self._move(self._storage_by_user, user_id if shown else OTHER_KEY, by=size_bytes)

    def _move(self, family: Family[Gauge], *labels: str, by: float) -> None:
        if self._published:
            family.labels(*labels).inc(by)

    def _refresh_last_hour(self) -> None:
        self._places.tidy()
        for user_id, size_bytes in self._places.last_hour().items():
            self._last_hour.labels(user_id).set(size_bytes)
