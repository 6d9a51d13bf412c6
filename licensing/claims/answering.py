"""What becomes of a claim: an owner contests or concedes it, the claimant withdraws it, the house
decides it. None of these changes who owns what."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Q

from ledger.actor import Actor
from ledger.errors import NotFound
from licensing.access import audit
from licensing.catalog.models import OwnershipShare, OwnershipStep, RightsHolder, Subject
from licensing.catalog.ownership import day_of
from licensing.claims.filing import clean_words, lock_subject
from licensing.claims.models import Claim
from licensing.claims.refusals import (
    ClaimChanged,
    ClaimEnded,
    ContestedAlready,
    NobodyAnswerable,
    NotAnOwner,
    NotTheClaimant,
    PartyToIt,
)
from licensing.claims.states import CLAIM_MOVES, RESOLUTIONS, ClaimState


@transaction.atomic
def contest_claim(*, actor: Actor, now: datetime, claim: Claim, statement: str) -> Claim:
    """An owner says why the claim is wrong. The subject stays disputed until the claim has ended.

    Raises ScopeMissing, NotFound, BadWords, NotAnOwner, ClaimEnded, ContestedAlready.
    """
    actor.require("claims:write")
    statement = clean_words(statement, pointer="/statement")
    claim = _locked(actor, claim)
    owner = _answering(actor, claim, now)
    if claim.state != ClaimState.DISPUTED:
        raise ClaimEnded
    if claim.contested_at is not None:
        raise ContestedAlready
    claim.contested_for, claim.contest = owner, statement
    claim.contested_by, claim.contested_by_label = actor.person_id, actor.label[:200]
    claim.contested_at = max(now, claim.filed_at)
    claim.save(update_fields=_CONTEST)
    _record(actor, now, "claim.contest", claim, owner)
    return claim


@transaction.atomic
def concede_claim(*, actor: Actor, now: datetime, claim: Claim) -> Claim:
    """An owner says that the claim is right. It ends; who owns the subject is then for its
    registrant to record, as a step of ownership.

    Raises ScopeMissing, NotFound, NotAnOwner, ClaimEnded.
    """
    actor.require("claims:write")
    claim = _locked(actor, claim)
    owner = _answering(actor, claim, now)
    _end(actor, now, claim, ClaimState.CONCEDED, conceded_for=owner)
    _record(actor, now, "claim.concede", claim, owner)
    return claim


@transaction.atomic
def withdraw_claim(*, actor: Actor, now: datetime, claim: Claim) -> Claim:
    """The claimant takes it back. Raises ScopeMissing, NotFound, NotTheClaimant, ClaimEnded."""
    actor.require("claims:write")
    claim = _locked(actor, claim)
    if claim.claimant.organisation_id != actor.tenant:
        raise NotTheClaimant
    _end(actor, now, claim, ClaimState.WITHDRAWN)
    _record(actor, now, "claim.withdraw", claim, claim.claimant)
    return claim


@transaction.atomic
def resolve_claim(
    *, actor: Actor, now: datetime, claim: Claim, outcome: str, reason: str, seen: str = ""
) -> Claim:
    """A person of the house upholds or rejects the claim, for a reason that both sides are told.

    `seen` is the hash of what both sides had said when it was read, if that is to be compared.
    Raises ScopeMissing, NotFound, NobodyAnswerable, BadWords, ClaimEnded, PartyToIt, ClaimChanged.
    """
    actor.require("claims:resolve")
    if actor.person_id is None or not actor.is_house:
        raise NobodyAnswerable
    assert outcome in RESOLUTIONS, outcome
    reason = clean_words(reason, pointer="/reason")
    claim = _locked(actor, claim)
    if claim.state != ClaimState.DISPUTED:
        raise ClaimEnded
    if actor.person_id in (claim.filed_by, claim.contested_by):
        raise PartyToIt
    if seen and seen != claim.content_hash_hex:
        raise ClaimChanged
    _end(actor, now, claim, outcome, reason=reason)
    # Both sides read in their own trail that it was decided.
    for side in (claim.claimant, claim.subject.holder):
        _record(actor, now, f"claim.{_VERBS[outcome]}", claim, side)
    return claim


_VERBS: Final[Mapping[str, str]] = {ClaimState.UPHELD: "uphold", ClaimState.REJECTED: "reject"}
_CONTEST: Final = (
    "contested_for",
    "contest",
    "contested_by",
    "contested_by_label",
    "contested_at",
)


def owners_now(claim: Claim, now: datetime) -> Any:
    """The rights holders who may answer the claim: who own a share of the subject today, anywhere,
    and who registered it; but nobody of the claimant's organisation."""
    rows = OwnershipStep.objects.filter(
        subject=claim.subject_id, effective_on__lte=day_of(now)
    ).order_by("territory", "-effective_on")
    steps = list(rows.distinct("territory").values_list("pk", flat=True))
    shares = OwnershipShare.objects.filter(step__in=steps).values("holder")
    holders = RightsHolder.objects.filter(Q(pk__in=shares) | Q(pk=claim.subject.holder_id))
    return holders.exclude(organisation_id=claim.claimant.organisation_id)


def may_answer(actor: Actor, claim: Claim, now: datetime) -> bool:
    """Whether the actor's organisation is one of an owner who may answer."""
    return bool(owners_now(claim, now).filter(organisation_id=actor.tenant).exists())


def _answering(actor: Actor, claim: Claim, now: datetime) -> RightsHolder:
    """The owner for whom the actor answers. Raises NotAnOwner."""
    rows = owners_now(claim, now).filter(organisation_id=actor.tenant)
    found: RightsHolder | None = rows.order_by("pk").first()
    if found is None:
        raise NotAnOwner
    return found


def _locked(actor: Actor, claim: Claim) -> Claim:
    """The claim as it stands, locked after its subject, so that what happens to the claims of one
    subject happens one after the other. Raises NotFound."""
    lock_subject(Subject(pk=claim.subject_id))
    found = (
        Claim.objects.visible_to(actor)
        .select_related("claimant", "subject__holder")
        .select_for_update(of=("self",))
        .filter(pk=claim.pk)
        .first()
    )
    if found is None:
        raise NotFound
    return found


def _end(actor: Actor, now: datetime, claim: Claim, state: str, **fields: Any) -> None:
    if state not in CLAIM_MOVES[claim.state]:
        raise ClaimEnded
    fields |= {
        "state": state,
        "ended_by": actor.person_id,
        "ended_by_label": actor.label[:200],
        "ended_at": max(now, claim.contested_at or claim.filed_at),
    }
    for name, value in fields.items():
        setattr(claim, name, value)
    claim.save(update_fields=list(fields))


def _record(actor: Actor, now: datetime, verb: str, claim: Claim, side: RightsHolder) -> None:
    audit.record(
        actor=actor,
        now=now,
        verb=verb,
        thing=claim.shown_id,
        organisation_id=side.organisation_id,
        detail={"subject": claim.subject.shown_id},
    )
