"""The sweep that hands over what was reserved and asks about what was interrupted."""

from __future__ import annotations

import structlog
from celery import shared_task
from django.utils import timezone

from ledger.actor import Mode, system_actor
from ledger.errors import DomainError
from ledger.payouts import execution
from ledger.payouts.models import PayoutBatch
from ledger.payouts.states import BatchState

log = structlog.get_logger(__name__)
AT_ONCE = 20


@shared_task(name="payouts.submit_reserved")
def submit_reserved() -> int:
    """Takes up to 20 batches whose time has come; answers how many. Safe to run beside itself."""
    now = timezone.now()
    due = PayoutBatch.objects.filter(look_again_at__lte=now).select_related("book")
    batches = list(due.order_by("look_again_at")[:AT_ONCE])
    for batch in batches:
        mode: Mode = "live" if batch.book.mode == "live" else "test"
        actor = system_actor(mode=mode, label="payout sweep")
        verb = execution.submit if batch.state == BatchState.RESERVED else execution.look_again
        try:
            verb(actor=actor, now=now, batch=batch)
        except DomainError as refusal:
            # One batch that cannot go on must not keep the others waiting.
            log.warning("payout_sweep_refused", batch=batch.shown_id, code=refusal.code)
    return len(batches)
