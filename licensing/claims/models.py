"""Claims: a rights holder says that another's subject is theirs, and what became of that."""

from __future__ import annotations

import hashlib
import json
from typing import ClassVar, Final

from django.db import models
from django.db.models import F, Q

from ledger.actor import Actor
from ledger.rows import Identified
from licensing.catalog.models import RightsHolder, Subject
from licensing.claims.states import ClaimState

LONGEST: Final = 2000


class ClaimQuerySet(models.QuerySet["Claim"]):
    """Reading words of claims."""

    def visible_to(self, actor: Actor) -> ClaimQuerySet:
        """A holder's own, and those on the subjects it registered or owns or owned a share of; all
        of the mode for the house; none for a platform."""
        rows = self.filter(subject__holder__organisation__mode=actor.mode)
        if actor.is_house:
            return rows
        if actor.organisation_kind != "holder":
            return rows.none()
        return rows.filter(
            Q(claimant__organisation_id=actor.tenant)
            | Q(subject__in=Subject.objects.visible_to(actor))
        )

    def open(self) -> ClaimQuerySet:
        """Those that have not ended."""
        return self.filter(state=ClaimState.DISPUTED)


class Claim(Identified):
    """One rights holder's claim to a subject of another, everywhere or in one territory.

    It is filed once, contested at most once and ended once; what was said never changes. It changes
    no ownership: what follows from it is a step of ownership like any other.
    """

    PREFIX = "clm"

    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="claims")
    claimant = models.ForeignKey(RightsHolder, on_delete=models.PROTECT, related_name="claims")
    # Empty is everywhere.
    territory = models.CharField(max_length=2, blank=True)
    # The evidence in words.
    statement = models.CharField(max_length=LONGEST)
    state = models.CharField(max_length=9, choices=ClaimState.choices, default=ClaimState.DISPUTED)
    filed_by = models.UUIDField(null=True, blank=True)
    filed_by_label = models.CharField(max_length=200)
    filed_at = models.DateTimeField()
    # What an owner says against it, and for which rights holder.
    contested_for = models.ForeignKey(
        RightsHolder, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    contest = models.CharField(max_length=LONGEST, blank=True)
    contested_by = models.UUIDField(null=True, blank=True)
    contested_by_label = models.CharField(max_length=200, blank=True)
    contested_at = models.DateTimeField(null=True, blank=True)
    # How it ended: for which rights holder it was conceded, or why the house decided as it did.
    conceded_for = models.ForeignKey(
        RightsHolder, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.CharField(max_length=LONGEST, blank=True)
    ended_by = models.UUIDField(null=True, blank=True)
    ended_by_label = models.CharField(max_length=200, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ClaimQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(state__in=ClaimState.values), name="claim_state_known"
            ),
            models.CheckConstraint(
                condition=Q(territory="") | Q(territory__regex=r"^[A-Z]{2}$"),
                name="claim_territory_form",
            ),
            models.CheckConstraint(condition=~Q(statement=""), name="claim_says_why"),
            models.UniqueConstraint(
                fields=["claimant", "subject", "territory"],
                condition=Q(state="disputed"),
                name="claim_one_open",
            ),
            models.CheckConstraint(
                condition=Q(
                    contested_for=None,
                    contest="",
                    contested_by=None,
                    contested_by_label="",
                    contested_at=None,
                )
                | (
                    Q(contested_for__isnull=False, contested_at__gte=F("filed_at"))
                    & ~Q(contest="")
                    & ~Q(contested_by_label="")
                    & ~Q(contested_for=F("claimant"))
                ),
                name="claim_contested_whole",
            ),
            models.CheckConstraint(
                condition=Q(state="disputed", ended_at=None, ended_by=None, ended_by_label="")
                | (~Q(state="disputed") & Q(ended_at__gte=F("filed_at")) & ~Q(ended_by_label="")),
                name="claim_ended_whole",
            ),
            models.CheckConstraint(
                condition=~Q(state="conceded") & Q(conceded_for=None)
                | Q(state="conceded", conceded_for__isnull=False) & ~Q(conceded_for=F("claimant")),
                name="claim_conceded_by_an_owner",
            ),
            # Whoever has filed or contested it is a party to it and decides nothing.
            models.CheckConstraint(
                condition=~Q(state__in=["upheld", "rejected"]) & Q(reason="")
                | Q(state__in=["upheld", "rejected"], ended_by__isnull=False)
                & ~Q(reason="")
                & (Q(filed_by=None) | ~Q(ended_by=F("filed_by")))
                & (Q(contested_by=None) | ~Q(ended_by=F("contested_by"))),
                name="claim_resolved_by_another",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["subject"], condition=Q(state="disputed"), name="claims_open_on_subject"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.claimant} claims {self.subject}"

    @property
    def content_hash_hex(self) -> str:
        """Of what both sides have said: whoever decides has seen just that."""
        said = json.dumps([self.shown_id, self.statement, self.contest], ensure_ascii=False)
        return hashlib.sha256(said.encode()).hexdigest()
