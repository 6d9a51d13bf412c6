"""The admin's windows on people, organisations, members, keys and the audit trail."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from ledger.actor import Actor, Mode
from ledger.errors import DomainError
from ledger.panel import ReadOnlyAdmin
from licensing.access import keys, people
from licensing.access.models import (
    ApiKey,
    AuditRecord,
    Membership,
    ModeChoice,
    Organisation,
    User,
)
from licensing.access.roles import ALL_SCOPES, OrganisationKind, Role

admin.site.unregister(Group)


def staff_actor(request: HttpRequest, mode: str) -> Actor:
    """The signed-in member of staff in that mode: as a member of its house, or, to begin with, as
    the superuser who sets the house up."""
    user = cast("User", request.user)
    request_id = str(getattr(request, "request_id", ""))
    actor = people.actor_for(user=user, mode=cast("Mode", mode), request_id=request_id)
    if actor is not None and actor.is_house:
        return actor
    scopes = {"parties:write", "members:write", "keys:write"} if user.is_superuser else set()
    return Actor(
        kind="person",
        label=user.username,
        mode=cast("Mode", mode),
        person_id=user.pk,
        organisation_kind="house",
        role="superuser" if user.is_superuser else "",
        scopes=frozenset(scopes & ALL_SCOPES),
        request_id=request_id,
    )


class VerbAdmin(ReadOnlyAdmin):
    """Rows that are made here by a verb, and only looked at afterwards."""

    def changeform_view(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        """Says what a verb has refused, with the form again."""
        try:
            answer: HttpResponse = super().changeform_view(request, *args, **options)
        except DomainError as refused:
            messages.error(request, refused.detail)
            return HttpResponseRedirect(request.get_full_path())
        return answer


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]
    """People. They are switched off, never deleted: what they did names them."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    show_full_result_count = False
    list_display = ("username", "email", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("username", "email")
    ordering = ("username",)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Admin", {"fields": ("is_active", "is_staff", "is_superuser", "user_permissions")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    filter_horizontal = ("user_permissions",)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class NewOrganisationForm(forms.ModelForm[Organisation]):
    """What an organisation is made of."""

    mode = forms.ChoiceField(choices=ModeChoice.choices, widget=UnfoldAdminSelectWidget)
    kind = forms.ChoiceField(choices=OrganisationKind.choices, widget=UnfoldAdminSelectWidget)

    class Meta:
        model = Organisation
        fields = ("mode", "kind", "name")


@admin.register(Organisation)
class OrganisationAdmin(VerbAdmin):
    """Organisations: made here, and then for good."""

    form = NewOrganisationForm
    list_display = ("name", "kind", "mode", "created_at", "shown")
    list_filter = ("mode", "kind")
    search_fields = ("name",)
    ordering = ("-id",)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.has_perm("access.add_organisation"))

    def save_model(self, request: HttpRequest, obj: Organisation, form: Any, change: bool) -> None:
        made = people.create_organisation(
            actor=staff_actor(request, obj.mode), now=timezone.now(), kind=obj.kind, name=obj.name
        )
        obj.pk, obj._state.adding = made.pk, False


class NewMembershipForm(forms.ModelForm[Membership]):
    """Who becomes a member of what, as what."""

    username = forms.CharField(max_length=150, widget=UnfoldAdminTextInputWidget)
    role = forms.ChoiceField(choices=Role.choices, widget=UnfoldAdminSelectWidget)

    class Meta:
        model = Membership
        fields = ("organisation", "role")


@admin.register(Membership)
class MembershipAdmin(VerbAdmin):
    """Members: added here, and ended after a question."""

    form = NewMembershipForm
    list_display = ("user", "organisation", "mode", "role", "created_at", "ended_at")
    list_filter = ("organisation__mode", "role", ("ended_at", admin.EmptyFieldListFilter))
    list_select_related = ("user", "organisation")
    search_fields = ("user__username", "user__email", "organisation__name")
    autocomplete_fields = ("organisation",)
    ordering = ("-id",)
    actions = ("end",)

    @admin.display(ordering="organisation__mode")
    def mode(self, obj: Membership) -> str:
        return obj.organisation.mode

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.has_perm("access.add_membership"))

    def has_end_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("access.change_membership"))

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        made = people.invite(
            actor=staff_actor(request, obj.organisation.mode),
            now=timezone.now(),
            organisation=obj.organisation,
            username=form.cleaned_data["username"],
            role=obj.role,
        )
        obj.pk, obj.user, obj._state.adding = made.pk, made.user, False

    @admin.action(description="End the selected memberships", permissions=["end"])
    def end(self, request: HttpRequest, queryset: QuerySet[Membership]) -> HttpResponse | None:
        chosen = list(queryset.select_related("user", "organisation").order_by("id")[:100])
        if request.POST.get("confirmed") != "yes":
            return _confirm(
                request,
                chosen,
                action="end",
                question="End these memberships? Their keys and sessions there stop at once.",
                yes="End them",
            )
        for membership in chosen:
            actor = staff_actor(request, membership.organisation.mode)
            with _told(request, str(membership), "has ended"):
                people.end_membership(actor=actor, now=timezone.now(), membership=membership)
        return None


@admin.register(ApiKey)
class ApiKeyAdmin(VerbAdmin):
    """Keys without their secrets: looked at, and revoked after a question."""

    list_display = (
        "name", "hint", "user", "organisation", "mode",
        "created_at", "expires_at", "revoked_at", "last_used_at",
    )  # fmt: skip
    list_filter = ("organisation__mode", ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("user", "organisation")
    search_fields = ("name", "hint", "user__username", "organisation__name")
    exclude = ("digest",)
    ordering = ("-id",)
    actions = ("revoke",)

    @admin.display(ordering="organisation__mode")
    def mode(self, obj: ApiKey) -> str:
        return obj.organisation.mode

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("access.change_apikey"))

    @admin.action(description="Revoke the selected keys", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse | None:
        chosen = list(queryset.select_related("user", "organisation").order_by("id")[:100])
        if request.POST.get("confirmed") != "yes":
            return _confirm(
                request,
                chosen,
                action="revoke",
                question="Revoke these keys? The next request with any of them is refused, and "
                "there is no way back.",
                yes="Revoke them",
            )
        for key in chosen:
            actor = staff_actor(request, key.organisation.mode)
            with _told(request, str(key), "is revoked"):
                keys.revoke(actor=actor, now=timezone.now(), key=key)
        return None


@admin.register(AuditRecord)
class AuditRecordAdmin(VerbAdmin):
    """The audit trail."""

    list_display = ("at", "actor_label", "verb", "thing", "mode", "request_id")
    list_filter: ClassVar[tuple[str, ...]] = ("mode", "actor_kind", "verb")
    search_fields = ("thing", "actor_label", "request_id")
    date_hierarchy = "at"
    ordering = ("-id",)


def _confirm(
    request: HttpRequest, chosen: list[Any], *, action: str, question: str, yes: str
) -> HttpResponse:
    """The page that asks before an action is done."""
    return TemplateResponse(
        request,
        "access/confirm.html",
        {
            **admin.site.each_context(request),
            "title": "Are you sure?",
            "question": question,
            "effects": [str(row) for row in chosen],
            "selected": [str(row.pk) for row in chosen],
            "action": action,
            "yes": yes,
            "back": request.get_full_path(),
        },
    )


class _told:  # noqa: N801 - reads as a sentence
    """Tells the person what became of one row, also when it was refused."""

    def __init__(self, request: HttpRequest, row: str, outcome: str) -> None:
        self.request, self.row, self.outcome = request, row, outcome

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if error is None:
            messages.success(self.request, f"{self.row} {self.outcome}.")
        elif isinstance(error, DomainError):
            messages.error(self.request, f"{self.row}: {error.detail}")
            return True
        return False
