"""A delivery's links at an edge that verifies them, and what becomes of images while the CDN is faulty."""

import asyncio
import json
import re
import time
import traceback
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import SecretStr
from structlog.testing import capture_logs
from tests.contracts.delivery.conftest import KEY, OTHER_KEY, PICTURE, Deliver
from tests.support.cdn import APP_KEY, ENCRYPT_KEY, SECRET_KEY, Cdn, cdn_settings, serving
from tests.support.samples import sample

from photo_api.config import ConfigurationError, Settings
from photo_api.delivery.backends import open_delivery
from photo_api.delivery.base import Audience
from photo_api.delivery.cdn import CdnDelivery
from photo_api.errors import Unavailable
from photo_metrics import Recorder

FAULTS = [{"latency_seconds": 60}, {"status": 500}, {"status": 429}, {"status": 404}, {"reset": True}, {"hang": True}]
QUICK = {"cdn_timeout_seconds": 0.3, "breaker_failures": 3, "breaker_open_seconds": 0.05}

MARGIN_SECONDS = 5
"""What a busy machine may add."""


def delivered(recorder: Recorder, via: str) -> float:
    return sample(recorder, "photo_api_image_delivery_total", via=via) or 0.0


def external(recorder: Recorder, what: str) -> float:
    return sample(recorder, f"photo_api_external_request_{what}_total", service="cdn") or 0.0


async def link_of(delivery: CdnDelivery, key: str = KEY, audience: Audience = "owner") -> str:
    link = await delivery.link(key, audience)
    assert link is not None
    return link


async def recovered(delivery: CdnDelivery, key: str = KEY) -> str:
    """The first link that there is again, without a restart."""
    for _ in range(500):
        if (link := await delivery.link(key, "owner")) is not None:
            return link
        await asyncio.sleep(0.02)
    pytest.fail("there is no link within 10 s")


async def test_the_embedded_delivery_streams_and_counts_that(recorder: Recorder) -> None:
    delivery = open_delivery(Settings(), recorder)
    assert await delivery.link(KEY, "owner") is None
    assert [delivered(recorder, via) for via in ("redirect", "stream", "fallback")] == [0, 1, 0]


@pytest.mark.parametrize("audience", ["owner", "visitor"])
async def test_a_link_shows_its_photo_and_is_counted(
    cdn: Cdn, delivery: CdnDelivery, recorder: Recorder, audience: Audience
) -> None:
    link = await link_of(delivery, KEY, audience)
    assert link.startswith(f"{cdn.edge_url}/photos/{KEY}?token=")
    status, body, _ = await cdn.get(link)
    assert (status, body) == (200, PICTURE)
    assert [delivered(recorder, via) for via in ("redirect", "stream", "fallback")] == [1, 0, 0]


async def test_a_link_shows_no_other_photo(cdn: Cdn, delivery: CdnDelivery) -> None:
    link = await link_of(delivery)
    assert (await cdn.get(link.replace(KEY, OTHER_KEY)))[0] == 403


async def test_a_link_ends_with_its_life_time(cdn: Cdn, delivery: CdnDelivery) -> None:
    link = await link_of(delivery)
    cdn.clock.ahead_seconds = 28
    assert (await cdn.get(link))[0] == 200
    cdn.clock.ahead_seconds = 31
    assert (await cdn.get(link))[0] == 403


@pytest.mark.parametrize(
    ("pattern", "instead"),
    [
        (r"exp=(\d+)", lambda match: f"exp={int(match[1]) + 1}"),
        (r"id=owner", lambda _: "id=other"),
        (r"hmac=(.)", lambda match: f"hmac={'0' if match[1] != '0' else '1'}"),
        (r"exp=", lambda _: "acl=%2f*~exp="),
        (r"\?token=.*", lambda _: ""),
    ],
)
async def test_a_changed_link_shows_nothing(cdn: Cdn, delivery: CdnDelivery, pattern: str, instead: object) -> None:
    link = await link_of(delivery)
    changed = re.sub(pattern, instead, link)  # type: ignore[call-overload]  # a table of lambdas has no better type
    assert changed != link
    assert (await cdn.get(changed))[0] == 403


async def test_both_ways_make_the_same_token(cdn: Cdn, deliver: Deliver) -> None:
    """Made within one second, they differ in nothing: the API's and our own escaping, order and key are the same."""
    async with deliver(cdn_token_source="api") as by_api, deliver(cdn_token_source="local") as by_us:
        for _ in range(10):
            started = int(time.time())
            links = {await link_of(by_api, KEY), await link_of(by_us, KEY)}
            if int(time.time()) == started:
                break
            for delivery in (by_api, by_us):
                await delivery.close()
                await delivery.open()
    assert len(links) == 1


async def test_many_who_ask_at_once_cost_one_request(cdn: Cdn, deliver: Deliver) -> None:
    await cdn.break_api(latency_seconds=0.1)
    async with deliver() as delivery:
        links = await asyncio.gather(*(delivery.link(KEY, "visitor") for _ in range(50)))
        assert len(set(links)) == 1
        assert cdn.api.requests == 1
        assert (await cdn.get(str(links[0])))[0] == 200
        await link_of(delivery, KEY, "owner")
        await link_of(delivery, OTHER_KEY, "visitor")
        await link_of(delivery, KEY, "visitor")
    assert cdn.api.requests == 3


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_while_the_api_is_faulty_images_are_streamed_and_links_come_back_by_themselves(
    cdn: Cdn, deliver: Deliver, recorder: Recorder, fault: dict[str, object]
) -> None:
    await cdn.break_api(**fault)
    async with deliver(**QUICK) as delivery:
        asked = 0
        while external(recorder, "errors") < 3:
            started = time.monotonic()
            assert await delivery.link(KEY, "owner") is None
            assert time.monotonic() - started < 0.3 + MARGIN_SECONDS
            asked += 1
        assert delivered(recorder, "fallback") == asked
        await cdn.break_api()
        assert (await cdn.get(await recovered(delivery)))[:2] == (200, PICTURE)


async def test_an_api_that_says_no_with_status_200_counts_as_a_failure(
    cdn: Cdn, deliver: Deliver, recorder: Recorder
) -> None:
    cdn.api.secret_key = "rotated"
    async with deliver(**QUICK) as delivery:
        with capture_logs() as logs:
            assert [await delivery.link(KEY, "owner") for _ in range(5)] == [None] * 5
        assert cdn.api.requests == 3  # then the breaker is open
        assert external(recorder, "errors") == 3
        said = json.dumps(logs)
        assert said.count("cdn_tokens_fail") == 1
        assert not [secret for secret in (APP_KEY, SECRET_KEY, ENCRYPT_KEY, KEY) if secret in said]
        cdn.api.secret_key = SECRET_KEY
        await recovered(delivery)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"<html>",
        b'{"header": {}}',
        b'{"header": {"isSuccessful": "true"}, "authToken": {"singlePathToken": "exp=1~hmac=0"}}',
        b'{"header": {"isSuccessful": true}}',
        b'{"header": {"isSuccessful": true}, "authToken": null}',
        b'{"header": {"isSuccessful": true}, "authToken": {"singlePathToken": 1}}',
        b'{"header": {"isSuccessful": true}, "authToken": {"singlePathToken": "a\\r\\nSet-Cookie: b"}}',
        b'{"header": {"isSuccessful": true}, "authToken": {"singlePathToken": "a&b"}}',
        b" " * 100_000 + b'{"header": {"isSuccessful": true}, "authToken": {"singlePathToken": "a"}}',
    ],
)
async def test_an_answer_without_a_usable_token_makes_no_link(
    cdn: Cdn, deliver: Deliver, recorder: Recorder, answer: bytes
) -> None:
    async def say(_: web.Request) -> web.Response:
        return web.Response(body=answer)

    app = web.Application()
    app.router.add_post("/{rest:.*}", say)
    async with serving(app) as url, deliver(cdn_api_url=url) as delivery:
        assert await delivery.link(KEY, "owner") is None
    assert external(recorder, "errors") == 1


async def test_an_answer_that_drips_is_given_up_in_time(cdn: Cdn, deliver: Deliver, recorder: Recorder) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.05)

    app = web.Application()
    app.router.add_post("/{rest:.*}", drip)
    async with serving(app) as url, deliver(cdn_api_url=url, **QUICK) as delivery, asyncio.timeout(10):
        while not external(recorder, "timeouts"):  # who waits is gone earlier; the request itself must end as well
            assert await delivery.link(KEY, "owner") is None


@pytest.mark.parametrize("fault", [{"latency_seconds": 60}, {"status": 503}, {"reset": True}, {"hang": True}], ids=str)
async def test_while_the_edge_does_not_answer_its_probe_nobody_is_sent_there(
    cdn: Cdn, deliver: Deliver, recorder: Recorder, fault: dict[str, object]
) -> None:
    async with deliver(**QUICK) as delivery:
        await delivery.ping()
        await cdn.break_edge(**fault)
        with pytest.raises(Unavailable, match="edge"):
            await delivery.ping()
        assert await delivery.link(KEY, "owner") is None
        assert (cdn.api.requests, delivered(recorder, "fallback"), external(recorder, "errors")) == (0, 1, 1)
        await cdn.break_edge()
        await delivery.ping()
        assert (await cdn.get(await link_of(delivery)))[0] == 200


async def test_the_first_token_that_fails_makes_us_ask_for_the_edge_too(cdn: Cdn, deliver: Deliver) -> None:
    async with deliver(**QUICK) as delivery:
        await link_of(delivery, KEY)
        await cdn.break_api(reset=True)
        assert await delivery.link(OTHER_KEY, "owner") is None
        await link_of(delivery, KEY)
        await cdn.break_api()
        await recovered(delivery, OTHER_KEY)
        await cdn.break_api(reset=True)
        await cdn.break_edge(reset=True)
        assert await delivery.link(OTHER_KEY, "visitor") is None
        assert await delivery.link(KEY, "owner") is None


async def test_a_check_that_succeeds_has_been_to_the_origin(cdn: Cdn, delivery: CdnDelivery) -> None:
    await delivery.check()
    (asked,) = cdn.origin_requests
    assert asked.startswith("HEAD /photos/")


async def test_a_check_tells_a_wrong_encryption_key(cdn: Cdn, deliver: Deliver) -> None:
    for source in ("api", "local"):
        async with deliver(cdn_token_source=source, cdn_encrypt_key="ff" * 32) as delivery:
            with pytest.raises(ConfigurationError, match=r"PHOTO_API_CDN_ENCRYPT_KEY: .*refuses a token"):
                await delivery.check()


async def test_a_check_tells_wrong_keys_of_the_api_and_an_edge_that_is_away(cdn: Cdn, deliver: Deliver) -> None:
    async with deliver(cdn_secret_key="another") as delivery:
        with pytest.raises(Unavailable, match="PHOTO_API_CDN_SECRET_KEY may be wrong"):
            await delivery.check()
    await cdn.break_edge(status=502)
    async with deliver() as delivery:
        with pytest.raises(Unavailable, match="edge answered 502"):
            await delivery.check()


async def test_an_edge_that_is_not_there_is_away(cdn: Cdn, deliver: Deliver) -> None:
    async with deliver(cdn_url="http://127.0.0.1:1") as delivery:
        with pytest.raises(Unavailable, match="cannot be reached"):
            await delivery.ping()
        assert await delivery.link(KEY, "owner") is None
        with pytest.raises(Unavailable) as caught:
            await delivery.check()
        assert "ClientConnectorError" not in "".join(traceback.format_exception(caught.value))  # it may have the URL


async def test_whatever_keeps_tokens_from_being_made_images_are_streamed_and_counted(
    cdn: Cdn, tmp_path: Path, recorder: Recorder
) -> None:
    never_checked = {"cdn_secret_key": SecretStr("a-secret\n")}
    delivery = open_delivery(cdn_settings(cdn, tmp_path).model_copy(update=never_checked), recorder)
    assert isinstance(delivery, CdnDelivery)
    await delivery.open()
    with capture_logs() as logs:
        assert [await delivery.link(KEY, "owner") for _ in range(3)] == [None] * 3
    await delivery.close()
    assert delivered(recorder, "fallback") == 3
    (told,) = (entry for entry in logs if entry["event"] == "cdn_tokens_fail")
    assert told["reason"] == "unexpected ValueError"
