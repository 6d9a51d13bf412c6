"""Filing a claim: from then on the subject is disputed, and nothing else changes."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime
from typing import Final

from django.db import transaction

from ledger.actor import Actor
from ledger.errors import NotFound
from licensing.access import audit
from licensing.catalog.holders import lock_organisation
from licensing.catalog.models import OwnershipShare, OwnershipStep, RightsHolder, Subject
from licensing.catalog.ownership import UnknownTerritory, day_of, in_force
from licensing.catalog.properties import lock_holder
from licensing.catalog.territories import is_territory
from licensing.claims.models import LONGEST, Claim
from licensing.claims.refusals import (
    AlreadyYours,
    BadWords,
    ClaimedAlready,
    ClaimRejected,
    TooManyClaims,
)
from licensing.claims.states import ClaimState

# Open claims per organisation: each of them stops somebody's business.
MOST_OPEN: Final = 20


@transaction.atomic
def file_claim(
    *,
    actor: Actor,
    now: datetime,
    claimant: RightsHolder,
    subject: Subject,
    statement: str,
    territory: str = "",
) -> Claim:
    """Claims `subject` for `claimant` in `territory` ("" is everywhere), with the evidence in words.

    Any subject of the mode, whose id one must know. No consent check over it that starts after this
    has committed is allowed there, until the claim has ended. Who owns it stays as it is, and so
    does whatever was allowed and earned before.

    Raises ScopeMissing, NotFound, BadWords, UnknownTerritory, AlreadyYours, ClaimedAlready,
    ClaimRejected, TooManyClaims.
    """
    actor.require("claims:write")
    statement = clean_words(statement, pointer="/statement")
    if territory and not is_territory(territory):
        raise UnknownTerritory(pointer="/territory")
    # Claims of an organisation come one at a time, for it makes as many rights holders as it likes.
    lock_organisation(actor, claimant.organisation_id)
    claimant = lock_holder(actor, claimant)
    subject = lock_subject(subject)
    if subject.holder.organisation.mode != claimant.organisation.mode:
        raise NotFound
    if _is_theirs(claimant, subject, territory, day_of(now)):
        raise AlreadyYours(pointer="/subject")
    theirs = Claim.objects.filter(claimant__organisation_id=claimant.organisation_id)
    before = theirs.filter(subject=subject, territory=territory)
    if before.open().filter(claimant=claimant).exists():
        raise ClaimedAlready(pointer="/subject")
    if before.filter(state=ClaimState.REJECTED).exists():
        raise ClaimRejected(pointer="/subject")
    if theirs.open().count() >= MOST_OPEN:
        raise TooManyClaims
    claim = Claim.objects.create(
        subject=subject,
        claimant=claimant,
        territory=territory,
        statement=statement,
        filed_by=actor.person_id,
        filed_by_label=actor.label[:200],
        filed_at=now,
    )
    audit.record(
        actor=actor,
        now=now,
        verb="claim.file",
        thing=claim.shown_id,
        organisation_id=claimant.organisation_id,
        detail={"subject": subject.shown_id, "territory": territory},
    )
    return claim


def lock_subject(subject: Subject) -> Subject:
    """The subject, locked so that its claims and its steps of ownership come one at a time."""
    return (
        Subject.objects.select_related("holder__organisation")
        .select_for_update(of=("self",), no_key=True)
        .get(pk=subject.pk)
    )


def clean_words(text: str, *, pointer: str) -> str:
    """What somebody says, in NFC without spaces around it; lines and tabs stay. Raises BadWords."""
    words = unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()
    if not 0 < len(words) <= LONGEST:
        raise BadWords(pointer=pointer)
    if any(unicodedata.category(one) in _UNSEEN and one not in "\n\t" for one in words):
        raise BadWords("A statement holds no control character.", pointer=pointer)
    return words


# Control characters and halves of surrogate pairs.
_UNSEEN: Final = ("Cc", "Cs")


def _is_theirs(claimant: RightsHolder, subject: Subject, territory: str, today: date) -> bool:
    """Whether the claimant's organisation registered the subject, or owns all of it there now."""
    if subject.holder.organisation_id == claimant.organisation_id:
        return True
    if territory:
        steps = list(in_force([subject.pk], territory, today).values())
    else:
        rows = OwnershipStep.objects.filter(subject=subject, effective_on__lte=today)
        steps = list(rows.order_by("territory", "-effective_on").distinct("territory"))
    shares = OwnershipShare.objects.filter(step__in=steps)
    theirs = shares.filter(holder__organisation_id=claimant.organisation_id)
    return bool(steps) and shares.count() == theirs.count()
