"""Requests for approval, each answered once by the holder who wanted to be asked."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from ledger.actor import Actor
from ledger.errors import Refused
from licensing.access import audit
from licensing.consent.decisions import grant
from licensing.consent.models import ApprovalRequest, ConsentCheck
from licensing.consent.states import APPROVAL_MOVES, ApprovalState


class AlreadyAnswered(Refused):
    """This has been answered, or its time is over."""

    code = "already_answered"


class NoLongerPossible(Refused):
    """The rules in force now do not allow this even with an approval."""

    code = "no_longer_possible"


def approve(*, actor: Actor, now: datetime, approval: ApprovalRequest) -> ApprovalRequest:
    """Says yes. With the last yes that was needed, the platform gets its receipt: a check of its
    own, by the rules in force now. Raises AlreadyAnswered, NoLongerPossible."""
    with transaction.atomic():
        approval, others = _answer(actor, now, approval, ApprovalState.APPROVED)
        if all(other.state == ApprovalState.APPROVED for other in others):
            yes = frozenset(other.holder.shown_id for other in (approval, *others))
            if grant(now=now, check=approval.consent_check, approved=yes) is None:
                raise NoLongerPossible
        return approval


def refuse(*, actor: Actor, now: datetime, approval: ApprovalRequest) -> ApprovalRequest:
    """Says no. Raises AlreadyAnswered."""
    with transaction.atomic():
        return _answer(actor, now, approval, ApprovalState.REFUSED)[0]


def _answer(
    actor: Actor, now: datetime, approval: ApprovalRequest, state: ApprovalState
) -> tuple[ApprovalRequest, list[ApprovalRequest]]:
    """The answered request and the others of its check, all of them locked in one order, so that
    the last of several who answer at once sees the answers of the rest."""
    together = list(
        ApprovalRequest.objects.select_for_update(of=("self",))
        .select_related("holder", "consent_check__platform")
        .filter(consent_check=approval.consent_check_id)
        .order_by("pk")
    )
    answered = next(one for one in together if one.pk == approval.pk)
    if state not in APPROVAL_MOVES[answered.state] or now >= answered.expires_at:
        raise AlreadyAnswered
    answered.state = state
    answered.answered_at, answered.answered_by = now, actor.label
    answered.save(update_fields=["state", "answered_at", "answered_by"])
    audit.record(
        actor=actor,
        now=now,
        verb=f"approval.{state}",
        thing=answered.shown_id,
        organisation_id=answered.holder.organisation_id,
        detail={"check": answered.consent_check.shown_id},
    )
    return answered, [one for one in together if one.pk != answered.pk]


def outcome_of(check: ConsentCheck) -> ConsentCheck | None:
    """The check that carries the receipt, once every holder has approved `check`."""
    return ConsentCheck.objects.filter(approves=check).first()
