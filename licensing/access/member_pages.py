"""The portal's page of members: who may do what for the organisation, and who did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from ledger.actor import Actor
from ledger.errors import Invalid, Refused
from ledger.forms import Form
from ledger.windows import named, read_id
from licensing.access import people
from licensing.access.models import Membership, Organisation
from licensing.access.roles import ROLES_OF_KIND, Role
from licensing.access.shapes import NewMemberShape

MOST: Final = 200
MOST_ENDED: Final = 20
WRITE: Final = "members:write"
# What each role is for.
ROLES: Final[Mapping[str, str]] = {
    Role.OWNER: "publishes rules, stops, answers approvals, and leads the members",
    Role.EDITOR: "keeps the catalogue and drafts rules, and publishes nothing",
}


@require_http_methods(["GET", "POST"])
def members(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Everyone who acts for the organisation; and somebody new among them."""
    actor.require("members:read")
    form = Form(request.POST)
    if request.method == "POST":
        actor.require(WRITE)
        with form.trying():
            body: dict[str, Any] = {
                name: form.said.get(name, "").strip() for name in ("username", "role")
            }
            if form.said.get("email"):
                body["email"] = form.said["email"].strip()
            said = form.read(NewMemberShape, body)
            home = Organisation.objects.get(pk=actor.tenant)
            people.invite(actor=actor, now=timezone.now(), organisation=home, **said)
            messages.success(request, f"{said['username']} is a member now.")
            return redirect("portal:members")
    rows = Membership.objects.visible_to(actor).select_related("user")
    context = {
        "page": "members",
        "form": form,
        "members": rows.current().order_by("user__username")[:MOST],
        "ended": rows.exclude(ended_at=None).order_by("-ended_at")[:MOST_ENDED],
        "roles": _roles(actor),
        "may_write": actor.may(WRITE),
    }
    return render(request, "access/members.html", context, status=form.status)


@require_http_methods(["GET", "POST"])
def member(request: HttpRequest, actor: Actor, shown: str) -> HttpResponse:
    """What becomes of one member: another role, or the end of the membership."""
    actor.require(WRITE)
    rows = Membership.objects.visible_to(actor).select_related("user", "organisation")
    found: Membership = named(rows, read_id(Membership.PREFIX, shown))
    if request.method == "POST":
        _change(request, actor, found)
        return redirect("portal:members")
    context = {
        "page": "members",
        "member": found,
        "roles": _roles(actor),
        "oneself": found.user_id == actor.person_id,
    }
    return render(request, "access/member.html", context)


def _change(request: HttpRequest, actor: Actor, found: Membership) -> None:
    now, name = timezone.now(), found.user.username
    try:
        if "end" in request.POST:
            people.end_membership(actor=actor, now=now, membership=found)
            messages.success(request, f"{name} is no longer a member.")
        else:
            role = request.POST.get("role", "")
            people.change_role(actor=actor, now=now, membership=found, role=role)
            messages.success(request, f"{name} is {Role(role).label.lower()} now.")
    except (Invalid, Refused) as refusal:
        messages.error(request, f"Nothing was changed. {refusal.detail}")


def _roles(actor: Actor) -> list[tuple[str, str, str]]:
    """The roles there are here: the value, what it is called, and what it is for."""
    kinds = ROLES_OF_KIND[actor.organisation_kind]
    return [(role, Role(role).label, ROLES.get(role, "")) for role in kinds]


ROUTES: Final[tuple[tuple[str, Callable[..., HttpResponse], str], ...]] = (
    ("members", members, "members"),
    ("members/<str:shown>", member, "member"),
)
