"""Consent rules and their versions, kill switches, durable decisions, approvals, signing keys."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Final

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from ledger.actor import Actor
from ledger.rows import Identified
from licensing.access.models import ModeChoice
from licensing.catalog.models import Platform, Property, RightsHolder, Subject
from licensing.consent.language import MOST_GENERATIONS, Action, Interval
from licensing.consent.states import ApprovalState, KeyState, Outcome, VersionState

_OPTIONAL: Final[Mapping[str, Any]] = {"null": True, "blank": True, "on_delete": models.PROTECT}


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
    property = models.ForeignKey(Property, **_OPTIONAL, related_name="consent_rules")
    subject = models.ForeignKey(Subject, **_OPTIONAL, related_name="consent_rules")
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


class KillSwitchQuerySet(models.QuerySet["KillSwitch"]):
    """Reading words of kill switches."""

    def visible_to(self, actor: Actor) -> KillSwitchQuerySet:
        """A holder's own; all of the mode for the house; none for a platform."""
        return self.filter(holder__in=RightsHolder.objects.visible_to(actor))

    def thrown(self) -> KillSwitchQuerySet:
        """Those that have not been lifted."""
        return self.filter(lifted_at=None)


class KillSwitch(Identified):
    """A holder's stop, at once and whatever the rules say: of everything, a property or a subject,
    everywhere or on one platform. Lifting it ends it; throwing it again is another one."""

    PREFIX = "kls"

    holder = models.ForeignKey(RightsHolder, on_delete=models.PROTECT, related_name="kill_switches")
    property = models.ForeignKey(Property, **_OPTIONAL, related_name="+")
    subject = models.ForeignKey(Subject, **_OPTIONAL, related_name="+")
    platform = models.ForeignKey(Platform, **_OPTIONAL, related_name="+")
    thrown_by = models.CharField(max_length=200)
    thrown_at = models.DateTimeField()
    thrown_epoch = models.BigIntegerField()
    lifted_by = models.CharField(max_length=200, blank=True)
    lifted_at = models.DateTimeField(null=True)
    lifted_epoch = models.BigIntegerField(null=True)

    objects = KillSwitchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "kill switches"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(property=None) | Q(subject=None), name="kill_switch_one_scope"
            ),
            models.CheckConstraint(
                condition=Q(lifted_at=None, lifted_epoch=None, lifted_by="")
                | (
                    Q(lifted_at__gte=F("thrown_at"), lifted_epoch__gt=F("thrown_epoch"))
                    & ~Q(lifted_by="")
                ),
                name="kill_switch_lifted_whole",
            ),
            models.UniqueConstraint(
                fields=["holder", "property", "subject", "platform"],
                condition=Q(lifted_at=None),
                nulls_distinct=False,
                name="kill_switch_thrown_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.holder}: {self.subject or self.property or 'everything'}"


class SigningKey(models.Model):
    """An Ed25519 key that signs receipts. The private half is kept encrypted."""

    # The key's thumbprint (RFC 7638).
    kid = models.CharField(primary_key=True, max_length=43)
    # The public half, base64url as in a JWK.
    public_x = models.CharField(max_length=43)
    private_encrypted = models.BinaryField()
    state = models.CharField(max_length=8, choices=KeyState.choices)
    created_at = models.DateTimeField()
    current_from = models.DateTimeField(null=True)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(state__in=KeyState.values), name="signing_key_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state="retired", retired_at__isnull=False)
                | (~Q(state="retired") & Q(retired_at=None)),
                name="signing_key_retired_whole",
            ),
            models.UniqueConstraint(
                fields=["state"],
                condition=Q(state__in=["next", "current"]),
                name="signing_key_one_current_one_next",
            ),
        ]

    def __str__(self) -> str:
        return self.kid


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
