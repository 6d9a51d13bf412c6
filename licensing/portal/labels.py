"""The words for the ledger's opaque references: what subjects, parties and entries are called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ledger.payouts.models import PayoutItem
from licensing.catalog.models import Platform, RightsHolder, Subject

KINDS: Final[Mapping[str, str]] = {
    "kind:royalties_earned": "Royalties",
    "kind:run_reversed": "Royalties taken back",
    "kind:payout_paid": "Payout",
    "kind:payout_returned": "Payout sent back by the bank",
    "kind:reversal": "Correction",
    "house": "Assent",
    "bank": "Bank transfer",
}


def labels_of(mode: str) -> Mapping[str, str]:
    """Every word of this mode's catalogue by the reference the ledger keeps."""
    labels = dict(KINDS)
    subjects = Subject.objects.filter(holder__organisation__mode=mode)
    labels |= {each.shown_id: each.name for each in subjects.only("id", "name").iterator()}
    for model in (RightsHolder, Platform):
        rows = model.objects.filter(organisation__mode=mode)
        labels |= {each.party_ref: each.name for each in rows.only("id", "name").iterator()}
    # A payout is known to its payee by the bank's reference.
    paid = PayoutItem.objects.filter(batch__book__mode=mode).exclude(reference="")
    labels |= {each.shown_id: each.reference for each in paid.only("id", "reference").iterator()}
    return labels
