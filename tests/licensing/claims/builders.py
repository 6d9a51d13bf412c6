"""Claims for stories: a studio, a stranger who claims its hero, and the house that decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ledger.actor import Actor, Mode
from licensing.catalog.models import Subject
from licensing.claims import filing
from licensing.claims.models import Claim
from tests.licensing.builders import build_house, build_subject
from tests.licensing.consent.builders import NOW, Studio, build_studio

BECAUSE = "We drew her first: see our comic of 2011, page 4."


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """Who owns the hero, who says it is theirs, and who decides."""

    owner: Studio
    claimant: Studio
    judge: Actor
    hero: Subject


def build_dispute(*, mode: Mode = "test") -> Dispute:
    """Nothing is claimed yet."""
    owner = build_studio(mode=mode)
    return Dispute(
        owner=owner,
        claimant=build_studio(mode=mode),
        judge=build_house(mode=mode, role="approver").actor,
        hero=build_subject(owner.holder),
    )


def claim(
    studio: Studio,
    subject: Subject,
    *,
    territory: str = "",
    statement: str = BECAUSE,
    now: datetime = NOW,
) -> Claim:
    """The studio claims it."""
    return filing.file_claim(
        actor=studio.actor,
        now=now,
        claimant=studio.holder,
        subject=subject,
        statement=statement,
        territory=territory,
    )
