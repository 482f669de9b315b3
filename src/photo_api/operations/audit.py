"""``photo-api audit``: totals against tables, rows against objects, published metrics against both.

It reads beside a running service without blocking it, and what it repairs is right while others write.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from photo_api.business_metrics.totals import Change
from photo_api.config import Settings
from photo_api.errors import Unavailable
from photo_api.operations import audit_metrics, audit_objects, audit_totals
from photo_api.operations.audit_objects import Progress, empty_listing
from photo_api.operations.findings import Findings
from photo_api.operations.lock import exclusive
from photo_api.operations.parts import opened
from photo_api.operations.snapshot import taken


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an audit does."""

    fix: bool = False
    objects: bool = True
    orphan_seconds: float = 86_400.0
    """An object without a row is left alone until its key is so old."""
    many_orphans: bool = False
    """Whether it is right that more than a tenth of all objects has no photo."""
    metrics: Sequence[str] = ()
    """URLs of instances' metrics ports."""
    metrics_seconds: float = 75.0
    """The longest wait for an instance to publish."""


async def audit(settings: Settings, wanted: Wanted, progress: Progress) -> Findings:
    """Look, repair where that is wanted, and tell.

    Raises:
        Unavailable: the database or the storage is away, and what was repaired until then stays so; or an instance is
            away at the start. One that ends later is a remark, so that the findings are not lost.
        ConfigurationError: a setting is wrong.
    """
    findings = Findings()
    for url in wanted.metrics:
        await audit_metrics.expect(url)
    async with AsyncExitStack() as stack:
        database, storage = await stack.enter_async_context(opened(settings))
        held = await stack.enter_async_context(exclusive(settings)) if wanted.fix else None
        listing = stack.enter_context(empty_listing())
        stored_bytes = await listing.fill(storage.stored(), progress) if wanted.objects else 0
        async with taken(settings) as snapshot:
            drift = await audit_totals.check(snapshot, findings)
            if wanted.objects:
                findings.checked |= {"objects": len(listing), "bytes stored": stored_bytes}
                await audit_objects.check(
                    listing,
                    snapshot,
                    database,
                    storage,
                    findings,
                    orphan_seconds=wanted.orphan_seconds,
                    held=held,
                    many_orphans=wanted.many_orphans,
                    progress=progress,
                )
        if held is not None:
            await audit_totals.repair(database, drift, findings, held)
        corrections = Change() if wanted.fix else drift.totals
        for url in wanted.metrics:
            try:
                await audit_metrics.check(database, url, corrections, findings, longest_seconds=wanted.metrics_seconds)
            except Unavailable as away:
                findings.unread += 1
                findings.remarks.append(away.detail or away.title)
    return findings
