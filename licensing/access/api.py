"""The API's windows on who one is, on members, keys and the audit trail."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.errors import NotFound
from ledger.windows import Window, paged
from ledger.wire import Id, Instant, Nothing, Text
from licensing.access import keys, people
from licensing.access.models import ApiKey, AuditRecord, Membership, Organisation, User
from licensing.access.shapes import (
    AuditShape,
    IssuedKeyShape,
    KeyShape,
    MemberShape,
    MeShape,
    NewKeyShape,
    NewMemberShape,
    RotationShape,
)

_NOTHING = OpenApiExample("Nothing to say", value={}, request_only=True)
_ME = {
    "person": "usr_06evgh4c2xskgjz3kq1v6t9m8c",
    "username": "ada",
    "key": "key_06evgh4c2xskgjz3kq1v6t9m8d",
    "organisation": {
        "id": "org_06evgh4c2xskgjz3kq1v6t9m8e",
        "name": "Lantern Studio",
        "kind": "holder",
    },
    "role": "owner",
    "mode": "test",
    "scopes": ["catalog:read", "catalog:write"],
    "parties": ["hld_06evgh4c2xskgjz3kq1v6t9m8f"],
}
_MEMBER = {
    "id": "mem_06evgh4c2xskgjz3kq1v6t9m8g",
    "user": "usr_06evgh4c2xskgjz3kq1v6t9m8c",
    "username": "ada",
    "role": "editor",
    "created_at": "2026-10-01T12:00:00Z",
    "ended_at": None,
}
_KEY = {
    "id": "key_06evgh4c2xskgjz3kq1v6t9m8d",
    "user": "usr_06evgh4c2xskgjz3kq1v6t9m8c",
    "name": "render farm",
    "hint": "ak_test_x7Qd",
    "scopes": ["catalog:read"],
    "created_at": "2026-10-01T12:00:00Z",
    "expires_at": None,
    "revoked_at": None,
    "last_used_at": "2026-10-02T08:30:00Z",
    "replaces": None,
}
_ISSUED = {**_KEY, "last_used_at": None, "secret": "ak_test_…"}
_AUDIT = {
    "id": "aud_06evgh4c2xskgjz3kq1v6t9m8h",
    "at": "2026-10-01T12:00:00Z",
    "actor_kind": "key",
    "actor_label": "ada (render farm)",
    "person": "usr_06evgh4c2xskgjz3kq1v6t9m8c",
    "key": "key_06evgh4c2xskgjz3kq1v6t9m8d",
    "organisation": "org_06evgh4c2xskgjz3kq1v6t9m8e",
    "verb": "subject.register",
    "thing": "chr_06evgh4c2xskgjz3kq1v6t9m8j",
    "detail": {"name": "Luna", "kind": "character"},
    "request_id": "req_06evgh4c2xskgjz3kq1v6t9m8k",
}


def _shown(value: object) -> list[OpenApiExample]:
    return [OpenApiExample("One", value=value, response_only=True)]


def _listed(value: object) -> list[OpenApiExample]:
    page = {"data": [value], "next": None}
    return [OpenApiExample("A page", value=page, response_only=True)]


class MeWindow(Window):
    """Who is asking."""

    @extend_schema(
        operation_id="me",
        summary="Who am I?",
        description="The person and organisation behind the key, and what it may do now.",
        responses=MeShape,
        examples=_shown(_ME),
    )
    def get(self, request: Request) -> Response:
        return self.show(MeShape, people.introduce(actor=self.actor))


class MembersWindow(Window):
    """The members of one's organisation."""

    scopes = {"GET": "members:read", "POST": "members:write"}

    @extend_schema(
        operation_id="members_list",
        summary="The members of your organisation",
        description="Past and present, newest first.",
        parameters=[OpenApiParameter("role", str)],
        responses=paged(MemberShape),
        examples=_listed(_MEMBER),
    )
    def get(self, request: Request) -> Response:
        rows = Membership.objects.visible_to(self.actor).select_related("user")
        return self.page(rows, MemberShape, filters={"role": Text(max_length=16)})

    @extend_schema(
        operation_id="members_create",
        summary="Invite a person into your organisation",
        description="Makes the person if the username is new; they sign in once a password is set.",
        request=NewMemberShape,
        responses={201: MemberShape},
        examples=[
            OpenApiExample(
                "An editor",
                value={"username": "grace", "role": "editor", "email": "grace@example.com"},
                request_only=True,
            ),
            *_shown(_MEMBER),
        ],
    )
    def post(self, request: Request) -> Response:
        said = self.read(NewMemberShape)
        home = Organisation.objects.visible_to(self.actor).filter(pk=self.actor.tenant).first()
        if home is None:
            raise NotFound
        member = people.invite(actor=self.actor, now=self.now, organisation=home, **said)
        return self.created(MemberShape, member)


class MemberWindow(Window):
    """One member."""

    scopes = {"GET": "members:read"}

    @extend_schema(
        operation_id="members_get",
        summary="One member",
        description="A member of your organisation, past or present.",
        responses=MemberShape,
        examples=_shown(_MEMBER),
    )
    def get(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        return self.show(
            MemberShape, self.find(Membership.objects.visible_to(self.actor), "mem", id)
        )


class MemberEndWindow(Window):
    """The end of a membership."""

    scopes = {"POST": "members:write"}

    @extend_schema(
        operation_id="members_end",
        summary="End a membership",
        description="At once: the person's keys for the organisation fail at the next request. "
        "The last member who can invite others stays.",
        request=Nothing,
        responses=MemberShape,
        examples=[_NOTHING, *_shown({**_MEMBER, "ended_at": "2026-11-01T09:00:00Z"})],
    )
    def post(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        self.read(Nothing)
        member = self.find(
            Membership.objects.visible_to(self.actor).select_related("organisation"), "mem", id
        )
        return self.show(
            MemberShape, people.end_membership(actor=self.actor, now=self.now, membership=member)
        )


class KeysWindow(Window):
    """The keys of one's organisation."""

    scopes = {"GET": "keys:read", "POST": "keys:write"}

    @extend_schema(
        operation_id="api_keys_list",
        summary="The API keys of your organisation",
        description="Without their secrets, newest first.",
        parameters=[OpenApiParameter("user", str)],
        responses=paged(KeyShape),
        examples=_listed(_KEY),
    )
    def get(self, request: Request) -> Response:
        return self.page(
            ApiKey.objects.visible_to(self.actor), KeyShape, filters={"user": Id(User.PREFIX)}
        )

    @extend_schema(
        operation_id="api_keys_create",
        summary="Make yourself an API key",
        description="The secret is in this answer and nowhere else. A key never has more scopes "
        "than the role of its person, nor than the key that makes it.",
        request=NewKeyShape,
        responses={201: IssuedKeyShape},
        examples=[
            OpenApiExample(
                "For a server that reads the catalogue",
                value={"name": "render farm", "scopes": ["catalog:read"]},
                request_only=True,
            ),
            *_shown(_ISSUED),
        ],
    )
    def post(self, request: Request) -> Response:
        said = self.read(NewKeyShape)
        issued = keys.issue_own(actor=self.actor, now=self.now, **said)
        return _once(self.created(IssuedKeyShape, issued))


class KeyWindow(Window):
    """One key."""

    scopes = {"GET": "keys:read"}

    @extend_schema(
        operation_id="api_keys_get",
        summary="One API key",
        description="A key of your organisation, without its secret.",
        responses=KeyShape,
        examples=_shown(_KEY),
    )
    def get(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        return self.show(KeyShape, self.find(ApiKey.objects.visible_to(self.actor), "key", id))


class KeyRotateWindow(Window):
    """The replacement of a key."""

    scopes = {"POST": "keys:write"}

    @extend_schema(
        operation_id="api_keys_rotate",
        summary="Replace one of your keys",
        description="The new key has the name and scopes of the old one, which goes on until "
        "`old_key_until`. Of a key and its successors at most two work at a time.",
        request=RotationShape,
        responses={201: IssuedKeyShape},
        examples=[
            OpenApiExample("The old key goes on for a day", value={}, request_only=True),
            *_shown({**_ISSUED, "replaces": "key_06evgh4c2xskgjz3kq1v6t9m8a"}),
        ],
    )
    def post(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        said = self.read(RotationShape)
        key = self.find(ApiKey.objects.visible_to(self.actor), "key", id)
        issued = keys.rotate(actor=self.actor, now=self.now, key=key, **said)
        return _once(self.created(IssuedKeyShape, issued))


class KeyRevokeWindow(Window):
    """The end of a key."""

    scopes = {"POST": "keys:write"}

    @extend_schema(
        operation_id="api_keys_revoke",
        summary="Revoke a key",
        description="The next request with it is refused. A colleague's key is revoked by those "
        "who may also end memberships.",
        request=Nothing,
        responses=KeyShape,
        examples=[_NOTHING, *_shown({**_KEY, "revoked_at": "2026-11-01T09:00:00Z"})],
    )
    def post(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        self.read(Nothing)
        key = self.find(ApiKey.objects.visible_to(self.actor), "key", id)
        return self.show(KeyShape, keys.revoke(actor=self.actor, now=self.now, key=key))


class AuditWindow(Window):
    """The audit trail."""

    scopes = {"GET": "audit:read"}

    @extend_schema(
        operation_id="audit_records_list",
        summary="Who did what",
        description="The changes that are your organisation's matter, newest first; for the house "
        "all of its mode.",
        parameters=[
            OpenApiParameter("thing", str, description="The id of what was changed."),
            OpenApiParameter("verb", str),
            OpenApiParameter("person", str),
            OpenApiParameter("key", str),
            OpenApiParameter("organisation", str),
            OpenApiParameter("request_id", str),
            OpenApiParameter("since", str, description="From this moment on."),
            OpenApiParameter("until", str, description="Before this moment."),
        ],
        responses=paged(AuditShape),
        examples=_listed(_AUDIT),
    )
    def get(self, request: Request) -> Response:
        return self.page(
            AuditRecord.objects.visible_to(self.actor),
            AuditShape,
            filters={
                "thing": Text(max_length=60),
                "verb": Text(max_length=60),
                "person": Id(User.PREFIX, source="person_id"),
                "key": Id(ApiKey.PREFIX, source="key_id"),
                "organisation": Id(Organisation.PREFIX, source="organisation_id"),
                "request_id": Text(max_length=64),
                "since": Instant(source="at__gte"),
                "until": Instant(source="at__lt"),
            },
        )


class AuditRecordWindow(Window):
    """One record of the audit trail."""

    scopes = {"GET": "audit:read"}

    @extend_schema(
        operation_id="audit_records_get",
        summary="One audit record",
        description="One change, as it was recorded in its own transaction.",
        responses=AuditShape,
        examples=_shown(_AUDIT),
    )
    def get(self, request: Request, id: str) -> Response:  # noqa: A002 - the path's word
        return self.show(
            AuditShape, self.find(AuditRecord.objects.visible_to(self.actor), "aud", id)
        )


def _once(response: Response) -> Response:
    """Tells the idempotency record to keep the answer without its secret."""
    response.shown_once = ("secret",)  # type: ignore[attr-defined]
    return response


urlpatterns = [
    path("me", MeWindow.as_view()),
    path("members", MembersWindow.as_view()),
    path("members/<str:id>", MemberWindow.as_view()),
    path("members/<str:id>/end", MemberEndWindow.as_view()),
    path("api-keys", KeysWindow.as_view()),
    path("api-keys/<str:id>", KeyWindow.as_view()),
    path("api-keys/<str:id>/rotate", KeyRotateWindow.as_view()),
    path("api-keys/<str:id>/revoke", KeyRevokeWindow.as_view()),
    path("audit-records", AuditWindow.as_view()),
    path("audit-records/<str:id>", AuditRecordWindow.as_view()),
]
