"""Celery's sweeps over usage: each bounded, and safe to run twice or beside itself."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from licensing.usage import lineage, sealing

_MOST: int = 500


@shared_task(name="usage.seal_open_batches")
def seal_open_batches() -> int:
    """Closes the open batches that are old or full, seals those nobody writes to any more, and
    finds late parents. Returns how many batches it sealed."""
    sealing.close_batches(now=timezone.now(), most=_MOST)
    sealed = 0
    while sealed < _MOST and sealing.seal_next(now=timezone.now()) is not None:
        sealed += 1
    lineage.resolve_missed(now=timezone.now())
    return sealed
