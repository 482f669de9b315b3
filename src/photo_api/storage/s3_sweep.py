"""Walking through a bucket page by page, and removing what is old.

Ages are by the storage's own clock (its Date against its LastModified), so that ours may be wrong.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp

from photo_api.storage import s3_xml
from photo_api.storage.s3_client import S3Client

PAGE: Final = 1_000


async def listed(client: S3Client, prefix: str) -> AsyncGenerator[s3_xml.Listed, None]:
    """Every object whose key begins with ``prefix`` (ListObjectsV2); a page at a time is in memory."""
    async with aclosing(_objects(client, prefix)) as found:
        async for listed_object, _ in found:
            yield listed_object


async def remove_older(client: S3Client, prefix: str, seconds: float) -> int:
    """Delete objects below ``prefix``, and abort uploads in parts, begun that long ago; how many."""
    removed = 0
    async with aclosing(_objects(client, prefix)) as objects:
        async for found, now in objects:
            if now - found.modified_seconds >= seconds:
                async with client.request("delete", "DELETE", found.key, expected=(204, 404), idempotent=True):
                    removed += 1
    async with aclosing(_unfinished(client, prefix)) as uploads:
        async for upload, now in uploads:
            if now - upload.begun_seconds >= seconds:
                query = {"uploadId": upload.upload_id}
                async with client.request(
                    "delete", "DELETE", upload.key, query=query, expected=(204, 404), idempotent=True
                ):
                    removed += 1
    return removed


async def _objects(client: S3Client, prefix: str) -> AsyncGenerator[tuple[s3_xml.Listed, float], None]:
    """Objects, each with the time at which its page was made."""
    query = {"list-type": "2", "prefix": prefix, "max-keys": str(PAGE)}
    while True:
        async with client.request("head", "GET", query=query, idempotent=True) as response:
            page, now = await client.result(response, "ListBucketResult"), _now(response)
        for found in s3_xml.objects_of(page):
            yield found, now
        if s3_xml.text(page, "IsTruncated", "false") != "true":
            return
        query["continuation-token"] = _further(
            query.get("continuation-token"), s3_xml.text(page, "NextContinuationToken")
        )


async def _unfinished(client: S3Client, prefix: str) -> AsyncGenerator[tuple[s3_xml.Unfinished, float], None]:
    """Uploads in parts (ListMultipartUploads), each with the time at which its page was made."""
    query = {"uploads": "", "prefix": prefix, "max-uploads": str(PAGE)}
    while True:
        async with client.request("head", "GET", query=query, idempotent=True) as response:
            page, now = await client.result(response, "ListMultipartUploadsResult"), _now(response)
        last = None
        for last in s3_xml.uploads_of(page):
            yield last, now
        if last is None or s3_xml.text(page, "IsTruncated", "false") != "true":
            return
        # Not every server says where the next page begins; it always is after the last upload of this one.
        query["key-marker"] = s3_xml.text(page, "NextKeyMarker", "") or last.key
        query["upload-id-marker"] = _further(
            query.get("upload-id-marker"), s3_xml.text(page, "NextUploadIdMarker", "") or last.upload_id
        )


def _further(before: str | None, after: str) -> str:
    """The place where the next page begins; the same one again would never end."""
    if after == before or not after:
        raise s3_xml.MalformedAnswer("a listing that does not go on")
    return after


def _now(response: aiohttp.ClientResponse) -> float:
    """Unix time by the storage's clock."""
    try:
        return parsedate_to_datetime(response.headers.get("Date", "")).timestamp()
    except (ValueError, TypeError):
        raise s3_xml.MalformedAnswer("no date") from None
