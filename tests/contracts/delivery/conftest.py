"""The ways of making a CDN's links that the contract holds for, at an edge that verifies them."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.cdn import Cdn, cdn_settings, running_cdn
from tests.support.samples import new_recorder

from photo_api.delivery.backends import open_delivery
from photo_api.delivery.cdn import CdnDelivery
from photo_metrics import Recorder

PICTURE = bytes(range(256)) * 40
KEY = "019ab0c4-7d2e-7cc3-98c4-dc0c0c07398f"
OTHER_KEY = "019ab0c4-7d2e-7cc3-98c4-dc0c0c073990"

Deliver = Callable[..., AbstractAsyncContextManager[CdnDelivery]]


@pytest.fixture
def recorder() -> Recorder:
    return new_recorder()


@pytest.fixture
async def cdn() -> AsyncIterator[Cdn]:
    """A CDN before two photos."""
    async with running_cdn({KEY: PICTURE, OTHER_KEY: PICTURE[::-1]}.get) as running:
        yield running


@pytest.fixture
def deliver(cdn: Cdn, recorder: Recorder, tmp_path: Path) -> Deliver:
    """``async with deliver(cdn_token_source=…) as delivery``."""

    @asynccontextmanager
    async def open_it(**settings: Any) -> AsyncIterator[CdnDelivery]:
        delivery = open_delivery(cdn_settings(cdn, tmp_path, **settings), recorder)
        assert isinstance(delivery, CdnDelivery)
        try:
            await delivery.open()
            yield delivery
        finally:
            await delivery.close()

    return open_it


@pytest.fixture(params=["api", "local"])
async def delivery(request: pytest.FixtureRequest, deliver: Deliver) -> AsyncIterator[CdnDelivery]:
    """Each way in turn."""
    async with deliver(cdn_token_source=request.param) as delivery:
        yield delivery
