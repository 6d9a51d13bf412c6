"""Durable decisions, and the requests for approval that some of them open."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from ledger.actor import Actor
from ledger.rows import Identified
from licensing.access.models import ModeChoice
from licensing.catalog.models import Platform, RightsHolder, Subject
from licensing.consent.engine.language import MOST_GENERATIONS, Action
from licensing.consent.states import ApprovalState, Outcome


class ConsentCheckQuerySet(models.QuerySet["ConsentCheck"]):
    """Reading words of consent checks."""

    def visible_to(self, actor: Actor) -> ConsentCheckQuerySet:
        """A platform's own; a holder's about its subjects; all of the mode for the house."""
        rows = self.filter(mode=actor.mode)
        if actor.organisation_kind == "platform":
            return rows.filter(platform__organisation_id=actor.tenant)
        if actor.organisation_kind == "holder":
            seen = Subject.objects.visible_to(actor).order_by("pk").values_list("pk", flat=True)
            return rows.filter(subject_ids__overlap=list(seen))
        return rows if actor.is_house else rows.none()


class ConsentCheck(Identified):
    """A platform's question and its durable answer. Never changed, never deleted.

    `facts` is what the decision was taken on: replaying it against the rules of the epochs it names
    gives the same answer.
    """

    PREFIX = "chk"

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="consent_checks")
    mode = models.CharField(max_length=4, choices=ModeChoice.choices)
    outcome = models.CharField(max_length=14, choices=Outcome.choices)
    issued_at = models.DateTimeField()
    # An allow's receipt, the end of its life, and the SHA-256 of its compact form.
    expires_at = models.DateTimeField(null=True)
    receipt = models.TextField(null=True)  # noqa: DJ001 - there is none, which is not an empty one
    receipt_digest = models.BinaryField(max_length=32, null=True)
    subject_ids = ArrayField(models.UUIDField())
    action = models.CharField(max_length=20)
    # How many generations it was asked for, and its receipt covers. Null in what was asked before
    # one could say: such a receipt covers any number, as it did when it was issued.
    generations = models.PositiveSmallIntegerField(null=True)
    territory = models.CharField(max_length=2, blank=True)
    rule_versions = ArrayField(models.UUIDField())
    facts: models.JSONField[Any, Any] = models.JSONField()
    # What was answered besides: reasons, obligations, price, and what would have been allowed.
    reasons: models.JSONField[Any, Any] = models.JSONField()
    obligations: models.JSONField[Any, Any] = models.JSONField()
    price: models.JSONField[Any, Any] = models.JSONField()
    would_allow: models.JSONField[Any, Any] = models.JSONField()
    # The check that needed the approvals this one was granted by.
    approves = models.OneToOneField(
        "self", null=True, on_delete=models.PROTECT, related_name="granted"
    )

    objects = ConsentCheckQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(outcome__in=Outcome.values), name="consent_check_outcome_known"
            ),
            models.CheckConstraint(
                condition=Q(action__in=[action.value for action in Action]),
                name="consent_check_action_known",
            ),
            models.CheckConstraint(
                condition=Q(
                    outcome="allow",
                    receipt__isnull=False,
                    receipt_digest__isnull=False,
                    expires_at__gt=F("issued_at"),
                )
                | (
                    ~Q(outcome="allow")
                    & Q(receipt=None, receipt_digest=None, expires_at=None, approves=None)
                ),
                name="consent_check_receipt_if_allowed",
            ),
            models.CheckConstraint(
                condition=Q(subject_ids__len__gte=1), name="consent_check_has_subjects"
            ),
            models.CheckConstraint(
                condition=Q(generations=None)
                | Q(generations__gte=1, generations__lte=MOST_GENERATIONS),
                name="consent_check_generations_bounded",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["platform", "-id"], name="consent_checks_of_platform"),
            GinIndex(fields=["subject_ids", "rule_versions"], name="consent_checks_by_members"),
        ]

    def __str__(self) -> str:
        return f"{self.shown_id}: {self.outcome}"

    @property
    def told(self) -> dict[str, Any]:
        """What the platform said, without what only stands in the facts for replaying."""
        inner = ("action", "platform", "at", "words", "co_subjects")
        return {name: v for name, v in self.facts["request"].items() if name not in inner}

    @property
    def preview(self) -> dict[str, str] | None:
        """What the platform shows of it to whoever has to approve it: a `text`, a `url`, or both."""
        found: dict[str, str] | None = self.facts.get("preview")
        return found


class ApprovalRequestQuerySet(models.QuerySet["ApprovalRequest"]):
    """Reading words of approvals."""

    def visible_to(self, actor: Actor) -> ApprovalRequestQuerySet:
        """A holder's own to answer; a platform's own to follow; all of the mode for the house."""
        rows = self.filter(holder__organisation__mode=actor.mode)
        if actor.organisation_kind == "platform":
            return rows.filter(consent_check__platform__organisation_id=actor.tenant)
        return rows if actor.is_house else rows.filter(holder__organisation_id=actor.tenant)

    def open_at(self, now: datetime) -> ApprovalRequestQuerySet:
        """Those that can still be answered."""
        return self.filter(state=ApprovalState.OPEN, expires_at__gt=now)


class ApprovalRequest(Identified):
    """A question to one holder, because a rule of theirs wants to be asked."""

    PREFIX = "apr"

    consent_check = models.ForeignKey(
        ConsentCheck, on_delete=models.PROTECT, related_name="approvals"
    )
    holder = models.ForeignKey(RightsHolder, on_delete=models.PROTECT, related_name="approvals")
    state = models.CharField(
        max_length=8, choices=ApprovalState.choices, default=ApprovalState.OPEN
    )
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    answered_by = models.CharField(max_length=200, blank=True)
    # The rules that were drafted so that the same need not be asked again: one per subject.
    drafted_rules = ArrayField(models.UUIDField(), default=list, blank=True)

    objects = ApprovalRequestQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["consent_check", "holder"], name="approval_asked_once"),
            models.CheckConstraint(
                condition=Q(state__in=ApprovalState.values), name="approval_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state="open", answered_at=None, answered_by="")
                | (~Q(state="open") & Q(answered_at__gte=F("asked_at")) & ~Q(answered_by="")),
                name="approval_answered_whole",
            ),
            models.CheckConstraint(
                condition=~Q(state="open") | Q(drafted_rules__len=0),
                name="approval_drafts_if_answered",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["holder", "-id"], name="approvals_of_holder"),
        ]

    def __str__(self) -> str:
        return f"{self.shown_id}: {self.state}"
