"""What organisations, members, keys and the audit trail look like on the wire."""

from __future__ import annotations

from typing import Any

from django.core.validators import EmailValidator
from rest_framework import serializers

from ledger.wire import Id, Instant, Shape, Text
from licensing.access.models import ApiKey, AuditRecord, ModeChoice, Organisation, User
from licensing.access.roles import OrganisationKind, Role

SCOPES_HELP = "What it may do, `<topic>:<what>`; no more than the role has."


class OrganisationShape(Shape):
    """The unit of tenancy."""

    id = Id(Organisation.PREFIX, source="pk")
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=OrganisationKind.choices)


class MeShape(Shape):
    """Who a key is."""

    person = Id(User.PREFIX, source="actor.person_id", allow_null=True)
    username = serializers.CharField()
    key = Id(ApiKey.PREFIX, source="actor.key_id", allow_null=True)
    organisation = OrganisationShape(allow_null=True)
    role = serializers.CharField(source="actor.role")
    mode = serializers.ChoiceField(source="actor.mode", choices=ModeChoice.choices)
    scopes = serializers.ListField(child=serializers.CharField(), help_text="What it may do now.")
    parties = serializers.ListField(
        child=serializers.CharField(), help_text="The parties whose accounts it sees."
    )


class NewMemberShape(Shape):
    """An invitation."""

    username = Text(max_length=150)
    role = serializers.ChoiceField(choices=Role.choices)
    email = Text(max_length=254, required=False, default="", validators=[EmailValidator()])


class MemberShape(Shape):
    """A person's role in the organisation."""

    id = Id("mem", source="pk")
    user = Id(User.PREFIX, source="user_id")
    username = serializers.CharField(source="user.username")
    role = serializers.ChoiceField(choices=Role.choices)
    created_at = Instant()
    ended_at = Instant(allow_null=True)


class NewKeyShape(Shape):
    """A key to be made for oneself."""

    name = Text(max_length=100)
    scopes = serializers.ListField(
        child=Text(max_length=40), allow_empty=False, max_length=100, help_text=SCOPES_HELP
    )
    expires_at = Instant(required=False, allow_null=True, default=None)


class RotationShape(Shape):
    """How a key is replaced."""

    old_key_until = Instant(
        required=False,
        allow_null=True,
        default=None,
        help_text="Until when the old key goes on, at most 7 days; a day if not said.",
    )
    expires_at = Instant(
        required=False,
        allow_null=True,
        default=None,
        help_text="When the new key expires; if not said it lives as long as the old one was to.",
    )


class KeyShape(Shape):
    """A key, without its secret."""

    id = Id(ApiKey.PREFIX, source="pk")
    user = Id(User.PREFIX, source="user_id")
    name = serializers.CharField()
    hint = serializers.CharField(help_text="How the secret begins.")
    scopes = serializers.ListField(child=serializers.CharField(), help_text=SCOPES_HELP)
    created_at = Instant()
    expires_at = Instant(allow_null=True)
    revoked_at = Instant(allow_null=True)
    last_used_at = Instant(allow_null=True, help_text="To the minute.")
    replaces = Id(ApiKey.PREFIX, source="replaces_id", allow_null=True)


class IssuedKeyShape(KeyShape):
    """A new key with its secret, which is in this answer and nowhere else."""

    secret = serializers.CharField(
        allow_null=True, help_text="Shown once; null when a repeated request gets its answer again."
    )

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return {**KeyShape().to_representation(instance.key), "secret": instance.secret}


class AuditShape(Shape):
    """Who did what to which thing."""

    id = Id(AuditRecord.PREFIX, source="pk")
    at = Instant()
    actor_kind = serializers.CharField(help_text="`person`, `key` or `system`.")
    actor_label = serializers.CharField()
    person = Id(User.PREFIX, source="person_id", allow_null=True)
    key = Id(ApiKey.PREFIX, source="key_id", allow_null=True)
    organisation = Id(
        Organisation.PREFIX,
        source="organisation_id",
        allow_null=True,
        help_text="Whose matter it is.",
    )
    verb = serializers.CharField()
    thing = serializers.CharField(help_text="The id of what was changed.")
    detail = serializers.DictField()
    request_id = serializers.CharField()
