"""Sweeps of the web's own tables."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from config.web.idempotency import KEPT_DAYS
from config.web.models import IdempotentAnswer

_A_SWEEP = 10_000


@shared_task(name="web.forget_old_answers")
def forget_old_answers() -> int:
    """Deletes answers that are older than their keys are kept, at most ten thousand a sweep, oldest
    first. Safe to run twice and beside itself."""
    before = timezone.now() - timedelta(days=KEPT_DAYS)
    old = (
        IdempotentAnswer.objects.filter(created_at__lt=before)
        .order_by("created_at")
        .values("pk")[:_A_SWEEP]
    )
    deleted, _ = IdempotentAnswer.objects.filter(
        pk__in=list(old.values_list("pk", flat=True))
    ).delete()
    return deleted
