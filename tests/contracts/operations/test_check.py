"""``photo-api check-config``: each backend tried as the service uses it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from tests.support.cdn import Cdn, cdn_settings, running_cdn
from tests.support.filled import opened_place
from tests.support.logncrash import APP_KEY, running_logncrash
from tests.support.ports import free_port
from tests.support.redis import running_redis
from tests.support.swift import Swift, swift_settings

from photo_api.config import Settings
from photo_api.operations import check as module
from photo_api.operations.check import Result, check
from photo_api.operations.parts import opened

Empty = Callable[[str], Settings]


async def tried(settings: Settings, **changed: Any) -> dict[str, Result]:
    """The results by name, with settings changed."""
    values = {name: getattr(settings, name) for name in settings.model_fields_set}
    return {result.name: result for result in await check(Settings(**(values | changed)), 10)}


def failed(results: dict[str, Result]) -> dict[str, str]:
    assert all("\n" not in result.text for result in results.values())
    return {name: result.text for name, result in results.items() if not result.ok}


async def test_the_embedded_backends_work_and_nothing_is_left(settings: Settings) -> None:
    results = await tried(settings)
    assert failed(results) == {}
    assert list(results) == ["secrets", "database", "object storage", "log service"]
    async with opened_place(settings) as place:
        assert place.objects() == []
        row = await place.database.fetch_one("SELECT SUM(users) AS users FROM totals")
        assert row is not None
        assert row["users"] == 0


async def test_secrets_that_production_would_refuse_are_named(empty_settings: Empty) -> None:
    results = await tried(empty_settings("sqlite"), secret_key=SecretStr("x" * 40))
    assert results["secrets"].text == "can be read; production would refuse PHOTO_API_SECRET_KEY"


async def test_a_database_that_was_never_migrated_says_what_to_run(tmp_path: Path) -> None:
    results = failed(await tried(Settings(data_dir=tmp_path / "new")))
    assert list(results) == ["database"]
    assert "run photo-api migrate" in results["database"]
    assert "PHOTO_API_DATABASE_URL" in results["database"]


async def test_a_database_that_only_reads_is_told(empty_settings: Empty) -> None:
    settings = empty_settings("postgresql")
    read_only = f"{settings.database_url}?target_session_attrs=any&default_transaction_read_only=on"
    text = failed(await tried(settings, database_url=read_only))["database"]
    assert "PHOTO_API_DATABASE_URL" in text


async def test_every_backend_that_is_away_is_told_with_its_setting(empty_settings: Empty) -> None:
    away = f"127.0.0.1:{free_port()}"
    results = failed(
        await tried(
            empty_settings("sqlite"),
            database_url=f"postgresql://photo:vQ8rT3wZ@{away}/photo",
            storage="s3",
            s3_endpoint_url=f"http://{away}",
            s3_bucket="photos",
            s3_access_key_id="photo",
            s3_secret_access_key=SecretStr("s3-secret-vQ8rT3wZ"),
            log_service="logncrash",
            logncrash_url=f"http://{away}",
            logncrash_app_key=SecretStr("app-key-vQ8rT3wZ"),
            cdn_url=f"http://{away}",
            cdn_api_url=f"http://{away}",
            cdn_app_key=SecretStr("cdn-app-vQ8rT3wZ"),
            cdn_secret_key=SecretStr("cdn-secret-vQ8rT3wZ"),
            cdn_encrypt_key=SecretStr("0b5f7a3e" * 8),
            redis_url=SecretStr(f"redis://:vQ8rT3wZ@{away}/0"),
            public_url=f"http://{away}",
        )
    )
    expected = {
        "database": "PHOTO_API_DATABASE_URL",
        "object storage": "PHOTO_API_S3_",
        "log service": "PHOTO_API_LOGNCRASH_",
        "CDN": "PHOTO_API_CDN_",
        "Redis": "PHOTO_API_REDIS_URL",
        "public URL": "PHOTO_API_PUBLIC_URL",
    }
    assert {name for name, text in results.items() if expected[name] in text} == set(expected)
    assert "vQ8rT3wZ" not in str(results)


async def test_a_backend_that_hangs_ends_in_time_and_keeps_no_other(empty_settings: Empty) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        settings = Settings(data_dir=empty_settings("sqlite").data_dir, public_url=url)
        results = {result.name: result for result in await check(settings, 0.5)}
    assert results["public URL"] == Result(
        "public URL", ok=False, text="no answer within 0.5 s; check PHOTO_API_PUBLIC_URL"
    )
    assert results["log service"].ok


async def test_swift_is_written_and_read_also_by_an_upload_url(empty_settings: Empty, swift_server: Swift) -> None:
    keys = swift_settings(swift_server)
    settings = empty_settings("sqlite")
    results = await tried(settings, **keys)
    assert results["object storage"].text == "swift: an object was written, read and deleted, also by an upload URL"
    async with opened(Settings(data_dir=settings.data_dir, **keys)) as (_, storage):
        assert [found async for found in storage.stored()] == []
        assert await storage.remove_abandoned(-1) == 0
    unreachable = failed(await tried(settings, **keys, storage_public_url=f"http://127.0.0.1:{free_port()}"))
    assert "PHOTO_API_STORAGE_PUBLIC_URL" in unreachable["object storage"]
    assert "temp_url_sig" not in unreachable["object storage"]
    wrong = failed(await tried(settings, **(keys | {"swift_password": SecretStr("wrong-vQ8rT3wZ")})))
    assert "PHOTO_API_SWIFT_" in wrong["object storage"]
    assert "vQ8rT3wZ" not in wrong["object storage"]


@pytest.fixture
async def cdn() -> AsyncIterator[Cdn]:
    async with running_cdn(lambda key: None) as running:
        yield running


async def test_a_cdn_that_takes_our_token_is_right(cdn: Cdn, empty_settings: Empty) -> None:
    settings = cdn_settings(cdn, empty_settings("sqlite").data_dir)
    assert failed(await tried(settings)) == {}
    refused = failed(await tried(settings, cdn_token_source="local", cdn_encrypt_key=SecretStr("1c6e8b4f" * 8)))
    assert "PHOTO_API_CDN_ENCRYPT_KEY" in refused["CDN"]


async def test_a_log_service_that_takes_a_record_is_right(empty_settings: Empty) -> None:
    async with running_logncrash() as server:
        settings = {"log_service": "logncrash", "logncrash_url": server.url, "logncrash_app_key": SecretStr(APP_KEY)}
        assert failed(await tried(empty_settings("sqlite"), **settings)) == {}
        settings["logncrash_app_key"] = SecretStr("another-app-key")
        assert "PHOTO_API_LOGNCRASH_" in failed(await tried(empty_settings("sqlite"), **settings))["log service"]


async def test_a_redis_that_counts_is_right(empty_settings: Empty, tmp_path: Path) -> None:
    with running_redis(tmp_path) as server:
        settings = {"redis_url": SecretStr(server.url), "redis_timeout_seconds": 5.0}
        assert (await tried(empty_settings("sqlite"), **settings))["Redis"].ok


async def test_a_fault_that_nobody_foresaw_takes_no_other_result_with_it(
    empty_settings: Empty, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fault(_: Settings) -> str:
        raise ValueError("with a secret")

    monkeypatch.setattr(module, "_database", fault)
    results = await tried(empty_settings("sqlite"))
    assert failed(results) == {"database": "an unexpected ValueError; check PHOTO_API_DATABASE_URL"}
    assert results["object storage"].ok
