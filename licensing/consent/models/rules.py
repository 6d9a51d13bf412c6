"""Rules and their versions, who relies on them, what is drawn of their quotas, and the epoch of a
holder's word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from ledger.actor import Actor
from ledger.rows import Identified
from licensing.catalog.models import Platform, Property, RightsHolder, Subject
from licensing.consent.engine.language import Interval
from licensing.consent.states import VersionState

OPTIONAL: Final[Mapping[str, Any]] = {"null": True, "blank": True, "on_delete": models.PROTECT}


class ConsentRuleQuerySet(models.QuerySet["ConsentRule"]):
    """Reading words of consent rules."""

    def visible_to(self, actor: Actor) -> ConsentRuleQuerySet:
        """A holder's own; all of the mode for the house; none for a platform."""
        return self.filter(holder__in=RightsHolder.objects.visible_to(actor))

    def with_versions(self) -> ConsentRuleQuerySet:
        """With the latest version and the one in force, but without the history."""
        numbers = RuleVersion.objects.filter(rule=models.OuterRef("rule")).order_by("-number")
        present = RuleVersion.objects.filter(
            Q(state=VersionState.PUBLISHED)
            | Q(number=models.Subquery(numbers.values("number")[:1]))
        )
        return self.prefetch_related(models.Prefetch("versions", present))


class ConsentRule(Identified):
    """What a holder says about all they hold, one property, or one subject; it lives as versions."""

    PREFIX = "rul"

    holder = models.ForeignKey(RightsHolder, on_delete=models.PROTECT, related_name="consent_rules")
    property = models.ForeignKey(Property, **OPTIONAL, related_name="consent_rules")
    subject = models.ForeignKey(Subject, **OPTIONAL, related_name="consent_rules")
    name = models.CharField(max_length=200, blank=True)
    # The needs-approval rules whose question it answers for good where it allows.
    answers = ArrayField(models.UUIDField(), default=list, blank=True)
    created_at = models.DateTimeField()

    objects = ConsentRuleQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(property=None) | Q(subject=None), name="consent_rule_one_scope"
            ),
            models.UniqueConstraint(fields=["id", "holder"], name="consent_rule_holder_of_id"),
        ]

    def __str__(self) -> str:
        return self.name or self.shown_id

    def latest(self) -> RuleVersion:
        """The latest version; from memory after `with_versions`."""
        return max(self.versions.all(), key=lambda version: version.number)

    def in_force(self) -> RuleVersion | None:
        """The published version, if there is one; from memory after `with_versions`."""
        published = (v for v in self.versions.all() if v.state == VersionState.PUBLISHED)
        return next(published, None)


class RuleVersionQuerySet(models.QuerySet["RuleVersion"]):
    """Reading words of rule versions."""

    def visible_to(self, actor: Actor) -> RuleVersionQuerySet:
        """Those of the rules the actor sees."""
        return self.filter(holder__in=RightsHolder.objects.visible_to(actor))


class RuleVersion(Identified):
    """One wording of a rule. Once published it never changes, but for how and when it ended.

    It was in force from the holder's `published_epoch` up to, but without, `ended_epoch`. If it
    promised a notice, it runs on until `notice_until` for the platforms that relied on the rule.
    """

    PREFIX = "rlv"

    rule = models.ForeignKey(ConsentRule, on_delete=models.PROTECT, related_name="versions")
    # The rule's holder again, so that what is in force is found in one place.
    holder = models.ForeignKey(RightsHolder, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    state = models.CharField(
        max_length=12, choices=VersionState.choices, default=VersionState.DRAFT
    )
    # Counts the edits of the draft: what If-Match compares.
    revision = models.PositiveIntegerField(default=1)
    body: models.JSONField[Any, Any] = models.JSONField()
    # SHA-256 of the canonical body; set when published.
    content_hash = models.BinaryField(max_length=32, null=True)
    drafted_by = models.CharField(max_length=200)
    drafted_at = models.DateTimeField()
    published_by = models.CharField(max_length=200, blank=True)
    published_at = models.DateTimeField(null=True)
    published_epoch = models.BigIntegerField(null=True)
    ended_by = models.CharField(max_length=200, blank=True)
    ended_at = models.DateTimeField(null=True)
    ended_epoch = models.BigIntegerField(null=True)
    notice_until = models.DateTimeField(null=True)
    # The platforms' ids, as they stood when it ended.
    notice_for = ArrayField(models.UUIDField(), default=list)

    objects = RuleVersionQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["rule", "number"], name="rule_version_number_once"),
            models.UniqueConstraint(
                fields=["rule"], condition=Q(state="draft"), name="rule_version_one_draft"
            ),
            models.UniqueConstraint(
                fields=["rule"], condition=Q(state="published"), name="rule_version_one_published"
            ),
            models.CheckConstraint(
                condition=Q(state__in=VersionState.values), name="rule_version_state_known"
            ),
            models.CheckConstraint(
                condition=Q(
                    state="draft",
                    published_at=None,
                    published_epoch=None,
                    content_hash=None,
                    published_by="",
                )
                | (
                    ~Q(state="draft")
                    & Q(
                        published_at__isnull=False,
                        published_epoch__isnull=False,
                        content_hash__isnull=False,
                    )
                    & ~Q(published_by="")
                ),
                name="rule_version_published_whole",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=["draft", "published"], ended_at=None, ended_epoch=None, ended_by=""
                )
                | (
                    Q(state__in=["superseded", "revoked"])
                    & Q(ended_at__gte=F("published_at"), ended_epoch__gt=F("published_epoch"))
                    & ~Q(ended_by="")
                ),
                name="rule_version_ended_whole",
            ),
            models.CheckConstraint(
                condition=Q(notice_until=None, notice_for__len=0)
                | Q(
                    state__in=["superseded", "revoked"],
                    notice_until__isnull=False,
                    notice_until__gt=F("ended_at"),
                    notice_for__len__gte=1,
                ),
                name="rule_version_notice_whole",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["holder"], condition=Q(state="published"), name="rule_versions_in_force"
            ),
            models.Index(
                fields=["holder", "notice_until"],
                condition=Q(notice_until__isnull=False),
                name="rule_versions_on_notice",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule} version {self.number}"

    @property
    def notice(self) -> dict[str, Any] | None:
        """Until when, and for which platforms, it runs on after its end."""
        if self.notice_until is None:
            return None
        return {"until": self.notice_until, "platforms": self.notice_for}


class Reliance(models.Model):
    """A platform that has had a receipt under a version of a rule that promised a notice."""

    pk = models.CompositePrimaryKey("rule_id", "platform_id")
    rule = models.ForeignKey(
        ConsentRule, on_delete=models.PROTECT, related_name="reliances", db_index=False
    )
    platform = models.ForeignKey(
        Platform, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    since = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.platform}: {self.rule}"


class ConsentEpoch(models.Model):
    """How often a holder's word has changed: every decision reads it in its own transaction, and
    whatever changes what is in force counts it up."""

    holder = models.OneToOneField(
        RightsHolder, primary_key=True, on_delete=models.PROTECT, related_name="consent_epoch"
    )
    value = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(value__gte=0), name="consent_epoch_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.holder}: {self.value}"


class QuotaUse(models.Model):
    """How many generations a rule has allowed in one interval: each platform's, or everyone's.

    Counted by the rule through all its versions. It only counts up, and never beyond `most`, which
    is the quota as it stood when it was last drawn on.
    """

    rule = models.ForeignKey(
        ConsentRule, on_delete=models.PROTECT, related_name="quota_uses", db_index=False
    )
    per = models.CharField(max_length=5, choices=[(str(one), str(one)) for one in Interval])
    # The interval's beginning in UTC; 1970 if there is none.
    starts_at = models.DateTimeField()
    # None is everyone together.
    platform = models.ForeignKey(
        Platform, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    used = models.BigIntegerField()
    most = models.BigIntegerField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["rule", "per", "starts_at", "platform"],
                nulls_distinct=False,
                name="quota_use_once",
            ),
            models.CheckConstraint(
                condition=Q(per__in=[str(one) for one in Interval]), name="quota_use_interval_known"
            ),
            models.CheckConstraint(
                condition=Q(used__gte=0, used__lte=F("most")), name="quota_not_exceeded"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule}: {self.used} of {self.most}"
