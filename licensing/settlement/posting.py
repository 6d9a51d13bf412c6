"""Posting one part: its shares added up by payee and subject, as one journal entry."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count, Sum

from ledger import ids
from licensing import bookkeeping
from licensing.access.models import holder_party
from licensing.catalog.models import RightsHolder, Subject
from licensing.settlement.models import Run, RunPart, RunShare
from licensing.settlement.states import PartKind, PayeeKind

_ENTRY_OF = {
    PayeeKind.FEE: bookkeeping.fee_earned,
    PayeeKind.HOLDER: bookkeeping.royalties_earned,
    PayeeKind.SUSPENSE: bookkeeping.royalties_unowned,
}


def make_parts(*, run: Run, now: datetime) -> int:
    """The run's posting parts, one per number its shares carry, within the caller's transaction."""
    shares = RunShare.objects.filter(run=run).order_by("post_number").values("post_number")
    parts = [
        RunPart(
            run=run, kind=PartKind.POST, number=found["post_number"], not_before=now,
            rows=found["rows"],
        )
        for found in shares.annotate(rows=Count("pk"))
    ]  # fmt: skip
    RunPart.objects.bulk_create(parts, batch_size=500)
    return len(parts)


def entry_key(run: Run, number: int) -> str:
    """The key of the entry that a posting part makes."""
    return f"settlement:{run.shown_id}:{number}"


def post_part(*, run: Run, part: RunPart, now: datetime) -> None:
    """Posts the part's entry, keyed by run and part; nothing if its shares cancel out.

    Within the caller's transaction, which holds the part.
    """
    shares = RunShare.objects.filter(run=run, post_number=part.number)
    sums = shares.values("payee", "holder", "total__subject").annotate(amount=Sum("amount"))
    kind = None
    amounts = []
    for found in sums.order_by("holder", "total__subject"):
        kind = PayeeKind(found["payee"])
        if found["amount"]:
            amounts.append(
                bookkeeping.Amount(
                    party_ref=holder_party(found["holder"]) if found["holder"] else "",
                    subject=ids.show(Subject.PREFIX, found["total__subject"]),
                    amount=found["amount"],
                )
            )
    if kind is None or not amounts:
        return
    assert run.effective_on is not None, "an approved run has its day"
    holders = RightsHolder.objects.filter(
        run_shares__run=run, run_shares__post_number=part.number
    ).distinct()
    posting = bookkeeping.Posting(
        mode="live" if run.mode == "live" else "test",
        key=entry_key(run, part.number),
        platform=run.platform,
        holders=list(holders),
        currency=run.currency,
        effective_on=run.effective_on,
        posted_at=now,
        actor=f"settlement, approved by {run.approved_by_label}",
        memo=f"{run.platform.name} {run.period:%Y-%m}",
    )
    _ENTRY_OF[kind](posting=posting, amounts=amounts)
