"""Organisations, their people and keys, and the audit trail."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Case, F, Q, Value, When

from ledger import ids
from ledger.actor import Actor
from ledger.ids import new_id
from ledger.rows import Identified
from licensing.access.roles import ROLES_OF_KIND, OrganisationKind, Role


class ModeChoice(models.TextChoices):
    """Test data and live data never meet."""

    TEST = "test", "Test"
    LIVE = "live", "Live"


class User(AbstractUser):
    """A person who signs in."""

    PREFIX = "usr"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    @property
    def shown_id(self) -> str:
        """The id as it stands in URLs and documents."""
        return ids.show(self.PREFIX, self.pk)


class OrganisationQuerySet(models.QuerySet["Organisation"]):
    """Reading words of organisations."""

    def visible_to(self, actor: Actor) -> OrganisationQuerySet:
        """The actor's own; all of its mode for the house."""
        mine = self.filter(mode=actor.mode)
        return mine if actor.is_house else mine.filter(pk=actor.tenant)


class Organisation(Identified):
    """The unit of tenancy. Every row of the business hangs off one, in one mode."""

    PREFIX = "org"

    kind = models.CharField(max_length=16, choices=OrganisationKind.choices)
    mode = models.CharField(max_length=4, choices=ModeChoice.choices)
    name = models.CharField(max_length=200)
    # The ledger's references of its holders and of its platform, kept here by the catalogue's
    # verbs so that the actor behind a key is known from one query.
    party_refs = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    created_at = models.DateTimeField()

    objects = OrganisationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # What a membership's foreign key leans on: a role belongs to one kind.
            models.UniqueConstraint(fields=["id", "kind"], name="organisation_kind_of_id"),
            models.CheckConstraint(
                condition=Q(kind__in=OrganisationKind.values), name="organisation_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(mode__in=ModeChoice.values), name="organisation_mode_known"
            ),
            models.UniqueConstraint(fields=["mode", "kind", "name"], name="organisation_name_once"),
        ]

    def __str__(self) -> str:
        return self.name


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Reading words of memberships."""

    def visible_to(self, actor: Actor) -> MembershipQuerySet:
        """Those of the actor's own organisation only, even for the house."""
        return self.filter(organisation_id=actor.tenant, organisation__mode=actor.mode)

    def current(self) -> MembershipQuerySet:
        """Those that have not ended."""
        return self.filter(ended_at=None)


class Membership(Identified):
    """A person's role in an organisation.

    Every role belongs to one kind of organisation. The kind follows from the role in a generated
    column, and a foreign key on (organisation, kind) refuses a role of another kind.
    """

    PREFIX = "mem"

    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="memberships"
    )
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    organisation_kind = models.GeneratedField(
        expression=Case(
            *(When(role__in=roles, then=Value(kind)) for kind, roles in ROLES_OF_KIND.items()),
            output_field=models.CharField(max_length=16),
        ),
        output_field=models.CharField(max_length=16),
        db_persist=True,
    )
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
            models.UniqueConstraint(
                fields=["organisation", "user"],
                condition=Q(ended_at=None),
                name="membership_once",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("created_at")),
                name="membership_ends_after_it_began",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.organisation} as {self.role}"


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Reading words of API keys."""

    def visible_to(self, actor: Actor) -> ApiKeyQuerySet:
        """Those of the actor's own organisation only, even for the house."""
        return self.filter(organisation_id=actor.tenant)

    def live(self, now: datetime) -> ApiKeyQuerySet:
        """Those that have neither been revoked nor expired."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=now), revoked_at=None)


class ApiKey(Identified):
    """A hashed key of one person for one organisation. The secret itself is shown once."""

    PREFIX = "key"

    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="api_keys"
    )
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=100)
    # What is shown of the key ever after: `ak_test_` and its first characters.
    hint = models.CharField(max_length=24)
    digest = models.BinaryField(unique=True, max_length=32)
    scopes = ArrayField(models.CharField(max_length=40))
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    replaces = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by"
    )

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gt=F("created_at")),
                name="api_key_expires_after_creation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"


class AuditRecordQuerySet(models.QuerySet["AuditRecord"]):
    """Reading words of the audit trail."""

    def visible_to(self, actor: Actor) -> AuditRecordQuerySet:
        """The own organisation's; all of the mode for the house."""
        mine = self.filter(mode=actor.mode)
        return mine if actor.is_house else mine.filter(organisation_id=actor.tenant)


class AuditRecord(models.Model):
    """Who did what to which thing, written in the transaction of the change itself."""

    PREFIX = "aud"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    at = models.DateTimeField()
    mode = models.CharField(max_length=4, choices=ModeChoice.choices)
    actor_kind = models.CharField(max_length=8)
    actor_label = models.CharField(max_length=200)
    person_id = models.UUIDField(null=True)
    key_id = models.UUIDField(null=True)
    # The organisation whose matter it is, which may differ from the actor's.
    organisation_id = models.UUIDField(null=True, db_index=True)
    verb = models.CharField(max_length=60)
    thing = models.CharField(max_length=60)
    detail: models.JSONField[Any, Any] = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, blank=True)

    objects = AuditRecordQuerySet.as_manager()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["thing", "-id"], name="audit_by_thing"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_label} {self.verb} {self.thing}"

    @property
    def shown_id(self) -> str:
        """The id as it stands in URLs and documents."""
        return ids.show(self.PREFIX, self.pk)


def holder_party(holder_id: uuid.UUID) -> str:
    """The ledger's reference of a rights holder."""
    return ids.show("hld", holder_id)


def platform_party(platform_id: uuid.UUID) -> str:
    """The ledger's reference of a platform."""
    return ids.show("plt", platform_id)
